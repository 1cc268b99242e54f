package fence

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
)

// errUnarmed: a fence with no VIPs would take the place of a predecessor's.
var errUnarmed = errors.New("the VIPs are not known yet")

// Audit fences every interface that is to be, new ones too, and leaves those alone
// that have joined a bridge or the like, once that is fenced. Before the first Protect
// it does nothing.
func (b *bpf) Audit() error {
	if !b.armed {
		return nil
	}
	links, err := b.listed.get(b.links)
	if err != nil {
		return err
	}
	if b.qdiscs, err = b.traffic.qdiscs(); err != nil {
		return err
	}
	kinds := map[int]string{}
	before := b.state
	b.state = make(map[int]state, len(links))
	for _, l := range links {
		kinds[l.Attrs().Index] = l.Type()
	}
	var errs []error
	for _, l := range links {
		index := l.Attrs().Index
		b.state[index] = before[index]
		if err := b.attend(l, kinds[l.Attrs().MasterIndex]); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Guard fences one interface, unless it is known to be.
func (b *bpf) Guard(index int) error {
	if !b.armed {
		return errUnarmed
	}
	if b.state[index] == fenced {
		return nil
	}
	l, err := b.netlink.LinkByIndex(index)
	if err != nil {
		return fmt.Errorf("interface %d: %w", index, err)
	}
	master := ""
	if i := l.Attrs().MasterIndex; i != 0 {
		m, err := b.netlink.LinkByIndex(i)
		if err != nil {
			return fmt.Errorf("master %d of interface %s: %w", i, l.Attrs().Name, err)
		}
		master = m.Type()
	}
	if b.qdiscs, err = b.traffic.qdiscs(); err != nil {
		return err
	}
	if err := b.attend(l, master); err != nil {
		return err
	}
	if b.state[index] != fenced {
		return fmt.Errorf("interface %s: a port of a %s is not fenced, and no place for a VIP", l.Attrs().Name, master)
	}
	return nil
}

// attend does to an interface with a master of a kind what is to be done.
func (b *bpf) attend(l netlink.Link, master string) error {
	index := l.Attrs().Index
	if forwards(master) {
		if b.state[index] == leftAlone {
			return nil
		}
		return b.settle(l, leftAlone, b.leave(l))
	}
	return b.settle(l, fenced, b.secure(l))
}

// settle notes the state that was reached unless there was an error. An interface that
// vanished meanwhile is none.
func (b *bpf) settle(l netlink.Link, reached state, err error) error {
	index := l.Attrs().Index
	if err == nil {
		if b.state[index] != reached {
			b.log.Debug("interface attended to", "interface", l.Attrs().Name, "state", reached)
		}
		b.state[index] = reached
		return nil
	}
	switch b.state[index] {
	case fenced:
		b.state[index] = broken
	case leftAlone:
		delete(b.state, index)
	}
	var missing netlink.LinkNotFoundError
	if _, gone := b.netlink.LinkByIndex(index); errors.As(gone, &missing) {
		return nil
	}
	return err
}

// forwards tells whether a master of that kind takes its ports' frames before the
// host sees them: then it is at the master that they are the host's, and at the port
// they may be others'. (Ports of a VRF are the host's own.)
func forwards(master string) bool {
	switch master {
	case "bridge", "bond", "team", "openvswitch":
		return true
	}
	return false
}

// links lists the interfaces, ports after what they may be ports of.
func (b *bpf) links() ([]netlink.Link, error) {
	var links []netlink.Link
	var err error
	for range dumpTries {
		links, err = b.netlink.LinkList()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // what is missing has an event to come
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	slices.SortStableFunc(links, func(a, b netlink.Link) int { return min(a.Attrs().MasterIndex, 1) - min(b.Attrs().MasterIndex, 1) })
	return links, nil
}

// framingOf is the framing of an interface.
func framingOf(l netlink.Link) framing {
	switch l.Attrs().EncapType {
	case "ether", "loopback":
		return etherFraming
	}
	return otherFraming
}
