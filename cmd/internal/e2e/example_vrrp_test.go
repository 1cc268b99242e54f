package e2e

import (
	"path/filepath"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// otherRouter is the other router of the example, as its comment says that it is.
const otherRouter = `vrrp_instance gw {
    version 3
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    virtual_ipaddress {
        198.18.0.200/24
    }
}
`

// perch joins a virtual router whose master is a real keepalived, and stands in for it.
func TestRouterExampleOfOneRouter(t *testing.T) {
	t.Parallel()
	lab.NeedPeers(t)
	const address = "198.18.0.200"
	s := newSite(t, "lb1")
	lb1, host := s.nodes[0], s.net.addHost(t, "gateway")
	lb1.useExample("vrrp")
	other, err := lab.NewKeepalived(host, filepath.Join(filepath.Dir(lb1.Dir), "keepalived"), otherRouter)
	must(t, err)
	otherHas := func(want bool) func() bool {
		return func() bool { return (&station{Daemon: other, t: t}).has(address) == want }
	}
	must(t, other.Start())
	s.eventually("keepalived has the address", otherHas(true))
	s.start(lb1)
	s.stateIs(lb1, "gw", "backup", "")
	s.answeredFrom(address, lab.MAC(host.Eth0.MAC))

	must(t, host.Eth0.Isolate())
	s.hasJust(lb1, address, "")
	s.answeredBy(address, lb1)
	if !otherHas(true)() {
		t.Error("keepalived, which hears nobody, is no master any more")
	}
	must(t, host.Eth0.Rejoin())
	s.hasJust(lb1, "", address)
	s.answeredFrom(address, lab.MAC(host.Eth0.MAC))

	must(t, other.Kill())
	s.hasJust(lb1, address, "")
	must(t, other.Start())
	s.hasJust(lb1, "", address)
	s.eventually("keepalived has the address again", otherHas(true))
}
