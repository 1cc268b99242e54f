package lab

import (
	"fmt"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
)

// Cut pulls the cable: nothing passes, and the host's carrier goes too.
func (l *Link) Cut() error {
	return l.withPort("cut", func(nl *netlink.Handle, port netlink.Link) error {
		return nl.LinkSetDown(port)
	})
}

// Splice undoes Cut.
func (l *Link) Splice() error {
	return l.withPort("splice", func(nl *netlink.Handle, port netlink.Link) error {
		return nl.LinkSetUp(port)
	})
}

// Isolate takes the port out of the switch: nothing passes, and the host still
// sees its carrier, as with a switch that failed silently.
func (l *Link) Isolate() error {
	return l.withPort("isolate", func(nl *netlink.Handle, port netlink.Link) error {
		return nl.LinkSetNoMaster(port)
	})
}

// Rejoin undoes Isolate.
func (l *Link) Rejoin() error {
	return l.withPort("rejoin", func(nl *netlink.Handle, port netlink.Link) error {
		return nl.LinkSetMaster(port, l.sw.bridge)
	})
}

// Mute drops every frame the host sends; it goes on hearing. It needs nft(8).
func (l *Link) Mute() error { return l.drop("mute", "iifname") }

// Deafen drops every frame to the host; it goes on speaking. It needs nft(8).
func (l *Link) Deafen() error { return l.drop("deafen", "oifname") }

func (l *Link) drop(fault, direction string) error {
	rule := fmt.Sprintf(`table bridge %s {
	chain %s { type filter hook forward priority 0; %s %q drop; }
}
`, l.port, fault, direction, l.port)
	return l.nft(fault, rule)
}

// Restore undoes Mute and Deafen.
func (l *Link) Restore() error {
	// Naming the table first makes its deletion right when there is none.
	return l.nft("restore", fmt.Sprintf("table bridge %[1]s\ndelete table bridge %[1]s\n", l.port))
}

func (l *Link) nft(doing, rules string) error {
	return l.sw.ns.do(func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s of %s: nft: %w: %s", doing, l.Interface, l.host.Name, err, out)
		}
		return nil
	})
}

// Remove takes the interface out of the host, addresses and all.
func (l *Link) Remove() error {
	return l.withPort("remove", func(nl *netlink.Handle, port netlink.Link) error {
		return nl.LinkDel(port)
	})
}

// Insert puts a removed interface back, with its old MAC and host addresses.
func (l *Link) Insert() error {
	if err := l.plug(); err != nil {
		return fmt.Errorf("insert %s of %s: %w", l.Interface, l.host.Name, err)
	}
	return nil
}
