package lab

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// Switch is an Ethernet segment: a bridge in a namespace that has no addresses.
type Switch struct {
	number int // K in 198.18.K.0/24
	ns     *namespace
	bridge netlink.Link
}

// AddSwitch adds a segment to the lab.
func (l *Lab) AddSwitch() (*Switch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fmt.Errorf("add a switch: %w", errClosed)
	}
	ns, err := newNamespace()
	if err != nil {
		return nil, err
	}
	bridge, err := addBridge(ns.nl)
	if err != nil {
		return nil, errors.Join(err, ns.close())
	}
	sw := &Switch{number: len(l.switches), ns: ns, bridge: bridge}
	l.switches = append(l.switches, sw)
	return sw, nil
}

// Do is Host.Do for the namespace of the switch, whose bridge is "switch".
func (sw *Switch) Do(fn func() error) error { return sw.ns.do(fn) }

// addBridge makes a bridge that forwards from the first moment. A new bridge
// runs no spanning tree, and without one its forward delay is not waited for.
func addBridge(nl *netlink.Handle) (netlink.Link, error) {
	flood := false
	bridge := &netlink.Bridge{
		LinkAttrs:         netlink.LinkAttrs{Name: "switch"},
		MulticastSnooping: &flood,
	}
	if err := nl.LinkAdd(bridge); err != nil {
		return nil, missing("a bridge", err)
	}
	link, err := nl.LinkByName(bridge.Name)
	if err != nil {
		return nil, fmt.Errorf("find the bridge of a switch: %w", err)
	}
	if err := nl.LinkSetUp(link); err != nil {
		return nil, fmt.Errorf("set the bridge of a switch up: %w", err)
	}
	return link, nil
}
