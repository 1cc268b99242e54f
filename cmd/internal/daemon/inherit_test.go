package daemon

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// What the kernel had at the start says nothing of a service that has left the config
// since, and is back in it.
func TestInheritedServersCountOnce(t *testing.T) {
	t.Parallel()
	server := netip.MustParseAddrPort("10.0.0.11:80")
	web := config.Service{
		Name:      "web",
		Addresses: []netip.AddrPort{netip.MustParseAddrPort("198.18.0.100:80")},
		Protocol:  "tcp",
		Quorum:    1,
		Servers:   []config.RealServer{{Address: server, Weight: 1, Forward: "nat", Checks: []string{"without a verdict"}}},
	}
	services := []config.Service{web}
	b := &balancer{
		manager:   ipvs.New(ipvs.Config{}),
		syncer:    newSyncer(slog.New(slog.DiscardHandler)),
		config:    func() *config.Config { return &config.Config{Services: services} },
		verdicts:  func() map[string]verdict { return nil },
		orders:    func() state.Orders { return nil },
		held:      func() map[netip.Addr]bool { return nil },
		tell:      func(*config.Service, ipvs.Event) {},
		log:       slog.New(slog.DiscardHandler),
		pools:     map[string]*balanced{},
		begin:     time.Now(),
		inherited: map[ipvs.Key]map[netip.AddrPort]uint32{keysOf(&web)[0]: {server: 1}},
	}
	for i, want := range []int{1, 1, 0} {
		b.step()
		if got := b.pools["web"].outcome.Servers; len(got) != want {
			t.Errorf("step %d: the kernel is to have %v, want %d servers", i, got, want)
		}
		if i == 1 {
			services = nil
			b.step()
			services = []config.Service{web}
		}
	}
}
