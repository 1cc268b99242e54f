package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// thousands is how many addresses the big router has.
const thousands = 2000

// Adverts wait for nothing else: while a router takes thousands of addresses and lets
// them go again, those of another one keep their beat.
func TestRouterBeatBesideThousandsOfAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1")
	n := s.nodes[0]
	var excluded []string
	for i := range thousands {
		excluded = append(excluded, fmt.Sprintf("%q", fmt.Sprintf("10.7.%d.%d/16", 1+i/200, 1+i%200)))
	}
	small := router("small", 51, 100, "198.18.0.101/24", `advert_interval = "200ms"`)
	big := router("big", 52, 100, "198.18.0.102/24", "excluded_addresses = ["+strings.Join(excluded, ", ")+"]")
	n.write(small)
	s.start(n)
	s.stateIs(n, "small", api.StateMaster, "")
	adverts := s.net.sniff(t, n.Host, func(f frame) bool { name, ok := advertOf(f); return ok && name == "IPv4 51" })

	n.write(small + big)
	n.reload()
	s.eventually("all addresses are there", func() bool { return n.has(fmt.Sprintf("10.7.%d.%d", (thousands-1)/200+1, (thousands-1)%200+1)) })
	n.write(small)
	n.reload()
	s.eventually("all addresses are gone", func() bool { return !n.has("10.7.1.1") && !n.has("198.18.0.102") })

	var frames []frame
	s.eventually("there are adverts enough", func() bool {
		frames = append(frames, adverts.take()...)
		return len(frames) >= 5
	})
	for i := 1; i < len(frames); i++ {
		if gap := frames[i].at.Sub(frames[i-1].at); gap > 3*200*time.Millisecond {
			t.Errorf("no advert for %s, and they are to come every 200ms", gap)
		}
	}
}
