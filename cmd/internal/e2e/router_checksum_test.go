package e2e

import (
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// Routers with the checksums of RFC 9568 hear each other. One that is left to choose
// answers them likewise.
func TestRouterChecksumMessageOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2", "lb3")
	const address, form = "198.18.0.101/24", "message-only"
	high, middle, low := s.nodes[0], s.nodes[1], s.nodes[2]
	high.write(router("gw", 51, 200, address, `checksum = "message-only"`))
	middle.write(router("gw", 51, 150, address, `checksum = "message-only"`))
	low.write(router("gw", 51, 100, address, `checksum = "auto"`))
	s.start(high, middle, low)
	s.stateIs(high, "gw", api.StateMaster, "")
	for _, n := range s.nodes {
		s.eventuallySays(n.Name+" follows, in that form", func() bool {
			r := n.router("gw")
			return r.Master == high.Host.Eth0.IPv4.Addr().String() && r.Checksum == form
		})
	}
	s.stop(high)
	s.stateIs(middle, "gw", api.StateMaster, "")
	s.stop(middle)
	s.stateIs(low, "gw", api.StateMaster, "")
	s.start(middle)
	s.stateIs(middle, "gw", api.StateMaster, "")
	s.stateIs(low, "gw", api.StateBackup, "")
	if heard := middle.router("gw").Heard; len(heard) != 1 || heard[0].Checksum != form {
		t.Errorf("%s heard %+v, want %s alone, in form %s", middle.Name, heard, low.Name, form)
	}
}
