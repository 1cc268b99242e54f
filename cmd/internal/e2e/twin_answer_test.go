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
	has := func() bool {
		has, err := h.Has(vip)
		must(s.t, err)
		return has
	}
	adverts := s.net.sniff(s.t, h, frame.isAdvert)
	announced := s.net.sniff(s.t, h, func(f frame) bool { return f.isGratuitous(vip) })
	s.eventually("it is master", has)
	// The last announcement of the take-over is over 5 s later; the next advert begins the test.
	quiet := time.Now().Add(6 * time.Second)
	s.eventually("it is quiet", func() bool { return time.Now().After(quiet) })
	adverts.take()
	s.eventually("it has just sent an advert", func() bool { return len(adverts.take()) > 0 })
	announced.take()
	m, src := someMessage(51), netip.MustParseAddr("198.18.0.209")
	m.priority, m.interval = priority, 200
	s.net.inject(s.t, frameOf(groupMAC4, header4(src, group4, 255, protocolVRRP, m.encode(src, group4))))
	end := time.Now().Add(time.Second)
	s.eventually("a second has passed", func() bool { return time.Now().After(end) })
	return reaction{len(adverts.take()), len(announced.take()) > 0, has()}
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
`, tt.keepalived))
			must(t, k.Start())
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
