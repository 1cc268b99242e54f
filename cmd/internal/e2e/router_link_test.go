package e2e

import (
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// A router that is not to track its interface stays the master while that is down. One
// beside it that is to track it does not.
func TestRouterUntrackedInterface(t *testing.T) {
	t.Parallel()
	s, n := alone(t,
		router("gw", 51, 100, "198.18.0.101/24", "track_own_interface = false"),
		router("tracked", 52, 100, "198.18.0.102/24", "track_own_interface = true"))
	s.hasJust(n, "198.18.0.101 198.18.0.102", "")
	was := n.router("gw")
	must(t, n.Host.Eth0.Cut())
	s.stateIs(n, "tracked", api.StateFault, "eth0 is down")
	s.hasJust(n, "198.18.0.101", "198.18.0.102")
	must(t, n.Host.Eth0.Splice())
	s.stateIs(n, "tracked", api.StateMaster, "")
	s.hasJust(n, "198.18.0.101 198.18.0.102", "")
	s.answeredBy("198.18.0.101", n)
	s.answeredBy("198.18.0.102", n)
	if now := n.router("gw"); now.State != api.StateMaster || !now.Since.Equal(was.Since) {
		t.Errorf("it is %s since %s, want %s since %s", now.State, now.Since, api.StateMaster, was.Since)
	}
}
