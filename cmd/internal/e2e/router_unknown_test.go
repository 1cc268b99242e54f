package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// unknown are the VRIDs that a node says it does not have, in order.
func (n *station) unknown() []int {
	n.t.Helper()
	status, err := n.status()
	must(n.t, err)
	var vrids []int
	for _, u := range status.Unknown {
		vrids = append(vrids, u.VRID)
	}
	return vrids
}

// strangers is a keepalived with a router of VRID 77, and one of 78 that sends to this
// host alone.
func (s *site) strangers(to *lab.Host) *lab.Daemon {
	s.t.Helper()
	host := s.net.addHost(s.t, "stranger")
	d, err := lab.NewKeepalived(host, filepath.Join(s.net.tempDir(s.t), "stranger"), fmt.Sprintf(`
vrrp_instance strange {
    interface eth0
    virtual_router_id 77
    virtual_ipaddress {
        198.18.0.177/24
    }
}
vrrp_instance single {
    interface eth0
    virtual_router_id 78
    unicast_src_ip %s
    unicast_peer {
        %s
    }
    virtual_ipaddress {
        198.18.0.178/24
    }
}
`, host.Eth0.IPv4.Addr(), to.Eth0.IPv4.Addr()))
	must(s.t, err)
	return d
}

// Whoever is heard of another VRID is told of, as by keepalived, but once, and also who
// sends in another way than this node; and nobody is any more after a reload without it.
func TestRouterUnknownVRIDsAsKeepalived(t *testing.T) {
	t.Parallel()
	lab.NeedPeers(t)
	s := newSite(t, "lb1")
	n := s.nodes[0]
	k, err := lab.NewKeepalived(s.net.addHost(t, "keepalived"), filepath.Join(s.net.tempDir(t), "keepalived"), `
global_defs {
    log_unknown_vrids
}
vrrp_instance gw {
    interface eth0
    virtual_router_id 52
    virtual_ipaddress {
        198.18.0.102/24
    }
}
`)
	must(t, err)
	must(t, k.Start())
	must(t, s.strangers(n.Host).Start())
	n.write("log_unknown_vrids = true\n", router("gw", 51, 100, "198.18.0.101/24"))
	s.start(n)
	want := []int{52, 77, 78}
	s.eventuallySays("perch names the VRIDs of others", func() bool { return slices.Equal(n.unknown(), want) })
	text, _, _ := n.ask("status")
	for _, vrid := range []int{77, 78} {
		line := fmt.Sprintf("of VRID %d, which no router of this node has there (version 2, priority 100, every 1s", vrid)
		if !strings.Contains(text, line) {
			t.Errorf("perch status lacks %q:\n%s", line, text)
		}
	}
	s.eventually("keepalived logs what was multicast", func() bool { return strings.Contains(k.LogTail(1000), "Unknown VRID(77)") })
	for _, vrid := range want {
		if count := strings.Count(n.log(), fmt.Sprintf(" vrid=%d ", vrid)); count != 1 {
			t.Errorf("VRID %d is logged %d times", vrid, count)
		}
	}
	n.write(router("gw", 51, 100, "198.18.0.101/24"))
	n.reload()
	s.eventuallySays("perch listens to nobody else", func() bool { return n.unknown() == nil })
}
