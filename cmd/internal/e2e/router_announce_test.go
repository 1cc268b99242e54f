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

// isGratuitous reports whether a frame is a gratuitous ARP request for the address. There
// is one in each announcement of it.
func (f frame) isGratuitous(addr netip.Addr) bool {
	const arp = 14
	if len(f.data) < arp+28 || bin.BigEndian.Uint16(f.data[12:]) != unix.ETH_P_ARP || f.data[arp+7] != 1 {
		return false
	}
	sender, target := f.data[arp+14:arp+18], f.data[arp+24:arp+28]
	return bytes.Equal(sender, addr.AsSlice()) && bytes.Equal(sender, target)
}

// herald is when an address was announced.
type herald struct {
	*sniffer
	at []time.Time
}

// gaps returns the times between the last announcements, n at most.
func (h *herald) gaps(n int) (gaps []time.Duration) {
	for _, f := range h.take() {
		h.at = append(h.at, f.at)
	}
	for i := max(1, len(h.at)-n); i < len(h.at); i++ {
		gaps = append(gaps, h.at[i].Sub(h.at[i-1]))
	}
	return gaps
}

// refreshes reports whether the last announcements came about 2 s apart.
func (h *herald) refreshes() bool {
	const about = 500 * time.Millisecond
	gaps := h.gaps(2)
	for _, gap := range gaps {
		if (gap - 2*time.Second).Abs() > about {
			return false
		}
	}
	return len(gaps) == 2
}

// hurries reports whether the last announcements came sooner than refreshes of 2 s.
func (h *herald) hurries() bool {
	gaps := h.gaps(2)
	return len(gaps) == 2 && gaps[0]+gaps[1] < 2*time.Second
}

// A master refreshes its announcements. It begins anew when it hears of another master
// of lower priority, which may have drawn the addresses to itself.
func TestRouterAnnouncesAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1")
	n := s.nodes[0]
	n.write(router("gw", 51, 100, "198.18.0.101/24",
		`excluded_addresses = ["198.18.0.102/24"]`, `garp_delay = "1s"`, `garp_refresh = "2s"`))
	heralds := map[string]*herald{}
	for _, text := range []string{"198.18.0.101", "198.18.0.102"} {
		addr := netip.MustParseAddr(text)
		heralds[text] = &herald{sniffer: s.net.sniff(t, n.Host, func(f frame) bool { return f.isGratuitous(addr) })}
	}
	s.start(n)
	s.stateIs(n, "gw", api.StateMaster, "")
	for addr, h := range heralds {
		s.eventually(addr+" is announced every 2 s", h.refreshes)
		h.at = nil
	}
	forged := time.Now()
	m, src := someMessage(51), netip.MustParseAddr("198.18.0.209")
	m.priority = 50
	s.net.inject(t, frameOf(groupMAC4, header4(src, group4, 255, protocolVRRP, m.encode(src, group4))))
	for addr, h := range heralds {
		s.eventually(addr+" is announced from the start on", h.hurries)
		if late := h.at[0].Sub(forged); late > time.Second {
			t.Errorf("%s is announced only %s after the advert", addr, late)
		}
	}
}

// A new master announces as often as it is told to, and its addresses in turns.
func TestRouterAnnouncesAsOften(t *testing.T) {
	t.Parallel()
	const interval = 100 * time.Millisecond
	s := newSite(t, "lb1")
	n := s.nodes[0]
	n.write(router("gw", 51, 100, "198.18.0.101/24 198.18.0.102/24 198.18.0.103/24 198.18.0.104/24",
		`garp_repeat = 2`, `garp_delay = "1s"`, `garp_refresh = "0s"`, `garp_interval = "100ms"`))
	heard := s.net.sniff(t, n.Host, func(f frame) bool {
		for i := range byte(4) {
			if f.isGratuitous(netip.AddrFrom4([4]byte{198, 18, 0, 101 + i})) {
				return true
			}
		}
		return false
	})
	s.start(n)
	var frames []frame
	s.eventually("each is announced twice", func() bool {
		frames = append(frames, heard.take()...)
		return len(frames) >= 8
	})
	s.never("one is announced more often", 2*time.Second, func() bool { return len(heard.take()) > 0 })
	for _, round := range [][]frame{frames[:4], frames[4:]} {
		if took := round[3].at.Sub(round[0].at); took < 2*interval {
			t.Errorf("four announcements take %s", took)
		}
	}
	if took := frames[4].at.Sub(frames[0].at); took < 500*time.Millisecond || took > 3*time.Second {
		t.Errorf("the second announcements come after %s", took)
	}
}

// inject sends one frame from the client.
func (n *network) inject(t *testing.T, frame []byte) {
	t.Helper()
	must(t, n.client.Do(func() error {
		fd, err := packetSocket("eth0")
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_, err = unix.Write(fd, frame)
		return err
	}))
}
