package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// An address on another interface than that of the adverts ends with the same lease.
func TestRouterFrozenElsewhere(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"198.18.0.101/24", "2001:db8::101/64", "fe80::101/64"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "lb1")
			n := s.nodes[0]
			s.second(n.Host)
			address, _, _ := strings.Cut(prefix, "/")
			n.write(router("gw", 51, 100, "198.18.0.100/24", `excluded_addresses = [{address = "`+prefix+`", interface = "eth1"}]`))
			s.start(n)
			s.stateIs(n, "gw", api.StateMaster, "")
			s.eventually("the address is answered for", func() bool { return len(s.answering(address)) > 0 })
			must(t, n.Freeze())
			end := time.Now().Add(time.Second) // its kernel has the address for longer, and its lease lasts 300 ms
			s.eventually("the lease is over", func() bool { return time.Now().After(end) })
			if macs := s.answering(address); len(macs) > 0 && n.has(address) {
				t.Errorf("%v answer for %s of a frozen master", macs, address)
			}
			must(t, n.Thaw())
			s.eventually("it answers again", func() bool { return len(s.answering(address)) > 0 })
		})
	}
}
