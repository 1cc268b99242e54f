package e2e

import (
	"bytes"
	bin "encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// speaksFor reports whether a frame is one by which its sender says that it has the
// address: ARP, a neighbour advertisement, or any packet from it.
func (f frame) speaksFor(addr netip.Addr) bool {
	at := map[uint16]int{unix.ETH_P_ARP: 14 + 14, unix.ETH_P_IP: 14 + 12, unix.ETH_P_IPV6: 14 + 8}[bin.BigEndian.Uint16(f.data[12:])]
	is := func(at int) bool {
		end := at + addr.BitLen()/8
		return len(f.data) >= end && bytes.Equal(f.data[at:end], addr.AsSlice())
	}
	switch {
	case at == 0, addr.Is4() == (at == 14+8):
		return false
	case addr.Is6() && len(f.data) > 14+40 && f.data[14+6] == unix.IPPROTO_ICMPV6 && f.data[14+40] == 136:
		return is(14 + 40 + 8)
	}
	return is(at)
}

// A master that is frozen for longer than its lease is dark from the end of that on,
// also when it goes on, and is a backup then.
func TestRouterFrozen(t *testing.T) {
	plain, virtual := []string{"preempt = false"}, []string{"preempt = false", "virtual_mac = true"}
	for name, c := range map[string]struct {
		address string
		lines   []string
		long    bool // until its kernel has taken the address away
	}{
		"IPv4":              {"198.18.0.101/24", plain, false},
		"IPv4 for long":     {"198.18.0.101/24", plain, true},
		"IPv6":              {"2001:db8::101/64", plain, false},
		"virtual MAC":       {"198.18.0.101/24", virtual, false},
		"virtual MAC, IPv6": {"2001:db8::101/64", virtual, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "lb1", "lb2")
			a, b := s.nodes[0], s.nodes[1]
			address := netip.MustParsePrefix(c.address).Addr()
			a.write(router("gw", 51, 200, c.address, c.lines...))
			b.write(router("gw", 51, 100, c.address, c.lines...))
			s.hasLinkLocal(a)
			s.hasLinkLocal(b)
			adverts := s.net.sniff(t, a.Host, func(f frame) bool { _, is := advertOf(f); return is })
			s.start(a)
			s.stateIs(a, "gw", api.StateMaster, "")
			s.start(b)
			_, err := s.net.client.Observe(address) // it asks all the time
			must(t, err)
			speech := s.net.sniff(t, a.Host, func(f frame) bool { return f.speaksFor(address) })
			s.eventually(a.Name+" answers", func() bool { return len(speech.take()) > 0 })

			must(t, a.Freeze())
			s.hasJust(b, address.String(), "")
			if c.long {
				s.hasJust(a, "", address.String())
			}
			must(t, a.Thaw())
			s.stateIs(a, "gw", api.StateBackup, "")
			s.hasJust(a, "", address.String())
			s.hasJust(b, address.String(), "")
			if late := a.router("gw").Adverts.Late; late != 1 {
				t.Errorf("its status says that it woke up after its lease %d times, want 1", late)
			}
			sent := adverts.take()
			lease := sent[len(sent)-1].at.Add(3 * 100 * time.Millisecond)
			for _, f := range speech.take() {
				if over := f.at.Sub(lease); over > 30*time.Millisecond { // on its way for so long, at most
					t.Fatalf("it spoke for the address %s after its lease: %x", over, f.data)
				}
			}
		})
	}
}
