package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/vip/fence"
)

// shield is the leases of the fence, one for each virtual router.
type shield struct {
	fence  *fence.Fence
	macs   func(virtualRouter) []fence.MAC // as the interfaces are now
	leases map[string]*guarded             // by router
}

// guarded is a lease and what is under it.
type guarded struct {
	*fence.Lease
	addresses []netip.Prefix
}

// admit has the addresses of routers fenced, before they can be held. What a router
// had before may be held still, and stays fenced, unless it is another's from now on.
func (s *shield) admit(routers []virtualRouter) error {
	next := map[netip.Prefix]string{}
	for _, v := range routers {
		for _, p := range v.fenced() {
			next[p] = v.Name
		}
	}
	for name, g := range s.leases {
		moves := func(p netip.Prefix) bool { to, ok := next[p]; return ok && to != name }
		if !slices.ContainsFunc(g.addresses, moves) {
			continue
		}
		if err := g.protect(name, slices.DeleteFunc(slices.Clone(g.addresses), moves), nil); err != nil {
			return err
		}
	}
	for _, v := range routers {
		g, err := s.lease(v.Name)
		if err != nil {
			return err
		}
		if err := g.protect(v.Name, merge(g.addresses, v.fenced()), s.macs(v)); err != nil {
			return err
		}
	}
	return nil
}

// settle ends the fencing of what routers no longer have, once it is gone.
func (s *shield) settle(routers []virtualRouter) error {
	var errs []error
	stays := map[string]bool{}
	for _, v := range routers {
		stays[v.Name] = true
		errs = append(errs, s.leases[v.Name].protect(v.Name, v.fenced(), s.macs(v)))
	}
	for name, g := range s.leases {
		if !stays[name] {
			errs = append(errs, g.Close())
			delete(s.leases, name)
		}
	}
	return errors.Join(errs...)
}

// lease returns the lease of a router, which is made when it is new.
func (s *shield) lease(router string) (*guarded, error) {
	if g, ok := s.leases[router]; ok {
		return g, nil
	}
	l, err := s.fence.NewLease()
	if err != nil {
		return nil, fmt.Errorf("vrrp %s: %w", router, err)
	}
	s.leases[router] = &guarded{Lease: l}
	return s.leases[router], nil
}

func (g *guarded) protect(router string, addresses []netip.Prefix, macs []fence.MAC) error {
	if err := g.Protect(addresses, macs); err != nil {
		return fmt.Errorf("vrrp %s: %w", router, err)
	}
	g.addresses = addresses
	return nil
}

// merge returns what is in either list, without repetitions.
func merge(a, b []netip.Prefix) []netip.Prefix {
	all := slices.Concat(a, b)
	slices.SortFunc(all, netip.Prefix.Compare)
	return slices.Compact(all)
}
