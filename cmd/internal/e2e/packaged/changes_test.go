//go:build systemd

package packaged

import (
	"bytes"
	"errors"
	"net/netip"
	"sync"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Of what changes tell, by what is in a message of the kernel about it.
const (
	itsOwn    = "the interface's own address"
	inSubnet  = "the VIP in its subnet"
	elsewhere = "the VIP of another subnet"
	theRoute  = "the route"
	theRule   = "the rule"
)

// changes counts what the kernel says has been added and deleted.
type changes struct {
	mu      sync.Mutex
	add     map[string]int
	del     map[string]int
	subject map[string][]byte
}

// newChanges counts until the test ends.
func newChanges(t *testing.T) *changes {
	t.Helper()
	c := &changes{add: map[string]int{}, del: map[string]int{}, subject: map[string][]byte{}}
	for what, address := range map[string]string{
		itsOwn: "198.18.9.1", inSubnet: "198.18.9.200", elsewhere: "198.18.19.200", theRoute: "203.0.113.0", theRule: "198.18.29.0",
	} {
		c.subject[what] = netip.MustParseAddr(address).AsSlice()
	}
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV4_RULE)
	must(t, err)
	must(t, socket.SetReceiveTimeout(&unix.Timeval{Usec: 100_000}))
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
				if err := c.receive(socket); err != nil {
					t.Errorf("listen to changes of the kernel: %v", err)
					return
				}
			}
		}
	}()
	t.Cleanup(func() {
		close(end)
		<-ended
		socket.Close()
	})
	return c
}

func (c *changes) receive(socket *nl.NetlinkSocket) error {
	messages, _, err := socket.Receive()
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range messages {
		switch m.Header.Type {
		case unix.RTM_NEWADDR:
			c.note(c.add, m.Data, itsOwn, inSubnet, elsewhere)
		case unix.RTM_DELADDR:
			c.note(c.del, m.Data, itsOwn, inSubnet, elsewhere)
		case unix.RTM_DELROUTE:
			c.note(c.del, m.Data, theRoute)
		case unix.RTM_DELRULE:
			c.note(c.del, m.Data, theRule)
		}
	}
	return nil
}

func (c *changes) note(in map[string]int, data []byte, subjects ...string) {
	for _, what := range subjects {
		if bytes.Contains(data, c.subject[what]) {
			in[what]++
		}
	}
}

// added and deleted return how often that was.
func (c *changes) added(what string) int   { return c.count(c.add, what) }
func (c *changes) deleted(what string) int { return c.count(c.del, what) }

func (c *changes) count(in map[string]int, what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return in[what]
}
