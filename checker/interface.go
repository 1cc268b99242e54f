package checker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// altNameLimit is the longest name of an interface, an alternative one (ALTIFNAMSIZ).
const altNameLimit = 127

// interfaceCheck looks whether an interface is switched on and has carrier.
type interfaceCheck struct {
	links *links
	name  string
	index atomic.Int64 // as last seen: it may get another name
}

func newInterface(h *Host, s Spec) (Checker, error) {
	if s.Target == "" || len(s.Target) > altNameLimit || strings.ContainsAny(s.Target, "/ \t\n") {
		return nil, fmt.Errorf("%q is no name of an interface", s.Target)
	}
	return &interfaceCheck{links: &h.links, name: s.Target}, nil
}

// Check asks the kernel.
func (c *interfaceCheck) Check(context.Context) (Finding, error) {
	found, err := netlink.LinkByName(c.name)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return Finding{}, fmt.Errorf("interface %s does not exist", c.name)
	}
	if err != nil {
		return Finding{}, fmt.Errorf("ask for interface %s: %w", c.name, err)
	}
	c.index.Store(int64(found.Attrs().Index))
	if lack := lackOf(found.Attrs()); lack != "" {
		return Finding{}, fmt.Errorf("interface %s %s", c.name, lack)
	}
	return Finding{}, nil
}

// lackOf says why an interface cannot pass frames, "" if it can. Those that have no
// notion of it, such as loopback and tun, have operstate unknown, and can.
func lackOf(link *netlink.LinkAttrs) string {
	flags := link.RawFlags
	switch {
	case flags&unix.IFF_UP == 0:
		return "is down"
	case link.OperState == netlink.OperLowerLayerDown:
		return "has no carrier: the interface below it is down"
	case flags&unix.IFF_LOWER_UP == 0:
		return "has no carrier"
	case link.OperState == netlink.OperDormant:
		return "is dormant: it waits, such as for 802.1X"
	case flags&unix.IFF_RUNNING == 0:
		return fmt.Sprintf("is not running: operstate %v", link.OperState)
	}
	return ""
}

// Watch hears from the kernel. It may take a second to tell that carrier was lost, as it
// counts such news of the whole machine; a look finds out at once.
func (c *interfaceCheck) Watch(ctx context.Context, changed func()) error {
	c.links.Listen(ctx, c.concerns, changed)
	return nil
}

func (c *interfaceCheck) concerns(l linkNews) bool {
	return l.index == c.index.Load() || l.has(c.name)
}
