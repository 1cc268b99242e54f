package e2e

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// isAdvert reports whether a frame is a VRRP advert over IPv4.
func (f frame) isAdvert() bool {
	const ip = 14
	return len(f.data) > ip+20 && f.data[12] == 8 && f.data[13] == 0 && f.data[ip+9] == protocolVRRP
}

// reaction is what a master does within a moment of an advert by somebody else.
type reaction struct {
	adverts   int
	announces bool
	stays     bool // master
}

// reactionOf has a master, whose adverts are 2 s apart, hear an advert of a priority.
func (s *site) reactionOf(h *lab.Host, priority uint8) (r reaction) {
	s.t.Helper()
	vip := netip.MustParseAddr("198.18.0.101")
	adverts := s.net.sniff(s.t, h, frame.isAdvert)
	announced := s.net.sniff(s.t, h, func(f frame) bool { return f.isGratuitous(vip) })
	s.calm(h, vip)
	adverts.take()
	s.eventually("it has just sent an advert", func() bool { return len(adverts.take()) > 0 })
	announced.take()
	s.forge(priority)
	s.pass(time.Second)
	has, err := h.Has(vip)
	must(s.t, err)
	return reaction{len(adverts.take()), len(announced.take()) > 0, has}
}

// calm waits until a host is master and the last announcement of the take-over is over: it
// is 5 s later.
func (s *site) calm(h *lab.Host, vip netip.Addr) {
	s.t.Helper()
	s.eventually("it is master", func() bool {
		has, err := h.Has(vip)
		must(s.t, err)
		return has
	})
	s.pass(6 * time.Second)
}

// pass waits for a while.
func (s *site) pass(d time.Duration) {
	s.t.Helper()
	end := time.Now().Add(d)
	s.eventually(d.String()+" have passed", func() bool { return time.Now().After(end) })
}

// forge sends an advert of a priority from a router that is not there, whose own are 2 s apart.
func (s *site) forge(priority uint8) {
	s.t.Helper()
	m, src := someMessage(51), netip.MustParseAddr("198.18.0.209")
	m.priority, m.interval = priority, 200
	s.net.inject(s.t, frameOf(groupMAC4, header4(src, group4, 255, protocolVRRP, m.encode(src, group4))))
}

// newAnswering starts a keepalived whose adverts are 2 s apart, with some more lines.
func newAnswering(t *testing.T, lines string) *twin {
	t.Helper()
	k := newTwin(t, fmt.Sprintf(`
vrrp_instance gw {
    interface eth0
    virtual_router_id 51
    version 3
    advert_int 2
    priority 100
    %s
    virtual_ipaddress {
        198.18.0.101/24
    }
}
`, lines))
	must(t, k.Start())
	return k
}

// A master answers adverts of others as keepalived does, by the same settings.
func TestAnswersAsKeepalived(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name              string
		keepalived, perch string
		heard             uint8
		want              reaction
	}{
		{"lower priority", "", "", 50, reaction{1, true, true}},
		{"lower priority, reticent", "lower_prio_no_advert", "answer_lower_priority = false", 50, reaction{0, true, true}},
		{"higher priority", "", "", 150, reaction{0, false, false}},
		{"higher priority, and a last word", "higher_prio_send_advert", "answer_higher_priority = true", 150, reaction{1, false, false}},
	} {
		t.Run(tt.name+"/keepalived", func(t *testing.T) {
			t.Parallel()
			k := newAnswering(t, tt.keepalived)
			if got := k.reactionOf(k.host, tt.heard); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
		t.Run(tt.name+"/perch", func(t *testing.T) {
			t.Parallel()
			s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24", `advert_interval = "2s"`, tt.perch))
			if got := s.reactionOf(n.Host, tt.heard); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// announcedAgain returns when a master announces its address in the 4 s after an advert of
// lower priority, which it hears while it is quiet.
func (s *site) announcedAgain(h *lab.Host) (at []time.Duration) {
	s.t.Helper()
	vip := netip.MustParseAddr("198.18.0.101")
	announced := s.net.sniff(s.t, h, func(f frame) bool { return f.isGratuitous(vip) })
	s.calm(h, vip)
	announced.take()
	heard := time.Now()
	s.forge(50)
	s.pass(4 * time.Second)
	for _, f := range announced.take() {
		at = append(at, f.at.Sub(heard))
	}
	return at
}

// After an advert of lower priority a master announces its address as often as keepalived
// does, by the lines that import makes of keepalived's.
func TestAnnouncesAgainAsKeepalived(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		keepalived string
		perch      []string
		want       int
	}{
		{
			"at once and later", "garp_lower_prio_repeat 1\n garp_lower_prio_delay 2",
			[]string{"garp_lower_priority_repeat = 2", `garp_lower_priority_delay = "2s"`},
			2,
		},
		{
			"at once only", "garp_lower_prio_repeat 1\n garp_lower_prio_delay 0",
			[]string{"garp_lower_priority_repeat = 1", `garp_lower_priority_delay = "0s"`},
			1,
		},
		{"never", "garp_lower_prio_repeat 0", []string{"garp_lower_priority_repeat = 0"}, 0},
	} {
		expect := func(t *testing.T, at []time.Duration) {
			if len(at) != tt.want {
				t.Fatalf("announced after %v, want %d times", at, tt.want)
			}
			if tt.want == 2 && at[1]-at[0] < time.Second {
				t.Errorf("announced after %v, want the second time 2 s after the first", at)
			}
		}
		t.Run(tt.name+"/keepalived", func(t *testing.T) {
			t.Parallel()
			k := newAnswering(t, tt.keepalived)
			expect(t, k.announcedAgain(k.host))
		})
		t.Run(tt.name+"/perch", func(t *testing.T) {
			t.Parallel()
			lines := append([]string{`advert_interval = "2s"`, "garp_repeat = 6", `garp_refresh = "0s"`}, tt.perch...)
			s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24", lines...))
			expect(t, s.announcedAgain(n.Host))
		})
	}
}
