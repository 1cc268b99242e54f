package daemon

import (
	"maps"
	"net"
	"net/netip"
	"sync"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// rest is which checks are not made for now.
type rest struct {
	mu      sync.Mutex
	entries []checker.Entry // of all checks
	names   map[string]bool // of those that rest
	rested  map[string]bool // of those that do, or did once
}

// change has these checks rest, and returns whether it was others.
func (r *rest) change(names map[string]bool) bool {
	if maps.Equal(r.names, names) {
		return false
	}
	r.names = names
	return true
}

// awake returns the checks that are made. One that has rested looks at once: clients come
// already.
func (r *rest) awake() []checker.Entry {
	awake, rested := make([]checker.Entry, 0, len(r.entries)), map[string]bool{}
	for _, e := range r.entries {
		if r.names[e.Name] || r.rested[e.Name] {
			rested[e.Name], e.Schedule.Warmup = true, 0
		}
		if !r.names[e.Name] {
			awake = append(awake, e)
		}
	}
	r.rested = rested
	return awake
}

// restingOf returns the checks that only servers of idle services have.
func restingOf(idle, looked []*config.Service) map[string]bool {
	names := map[string]bool{}
	eachCheck(idle, func(check string) { names[check] = true })
	if len(names) > 0 {
		eachCheck(looked, func(check string) { delete(names, check) })
	}
	return names
}

func eachCheck(services []*config.Service, do func(name string)) {
	for _, s := range services {
		for i := range s.Servers {
			for _, t := range s.Servers[i].Checks {
				do(t.Check)
			}
		}
	}
}

// restingAtFirst returns the checks that rest until it is known where the services are.
func restingAtFirst(services []config.Service) map[string]bool {
	var idle, looked []*config.Service
	for i := range services {
		if s := &services[i]; s.WhileHeld {
			idle = append(idle, s)
		} else {
			looked = append(looked, s)
		}
	}
	return restingOf(idle, looked)
}

// machineAddresses returns the addresses of all interfaces.
func machineAddresses() (map[netip.Addr]bool, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	all := make(map[netip.Addr]bool, len(list))
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all[p.Addr().WithZone("")] = true
		}
	}
	return all, nil
}
