package daemon

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/perch-vip/perch/vip/fence"
)

// routerLease is what the shield needs of a lease of package fence.
type routerLease interface {
	Protect([]fence.VIP, []fence.MAC) error
	Open(until time.Duration)
	Shut()
	Close() error
}

// shield is the leases of the fence, one for each virtual router.
type shield struct {
	make   func() (routerLease, error)
	fenced func(*virtualRouter) ([]fence.VIP, []fence.MAC) // as the interfaces are now
	spared func(fence.MAC) bool                            // which the host itself has now, or that have gone
	leases map[string]*guarded                             // by router
	last   []virtualRouter                                 // that were admitted
}

// guarded is a lease and what is under it.
type guarded struct {
	routerLease
	fenced bool // what follows is
	vips   []fence.VIP
	macs   []fence.MAC
}

// admit has the addresses of routers fenced, before they can be held. After an error
// the routers of before have theirs again: one may be the master.
func (s *shield) admit(routers []virtualRouter) error {
	if err := s.cover(routers); err != nil {
		return errors.Join(err, s.cover(s.last))
	}
	s.last = routers
	return nil
}

// cover puts the addresses and virtual MACs of routers under their leases. What a router
// had before may be held still, and stays fenced, unless it is another's from now on, be
// that the host itself.
func (s *shield) cover(routers []virtualRouter) error {
	vipOf, macOf := map[fence.VIP]string{}, map[fence.MAC]string{}
	for i := range routers {
		vips, macs := s.fenced(&routers[i])
		for _, v := range vips {
			vipOf[v] = routers[i].Name
		}
		for _, m := range macs {
			macOf[m] = routers[i].Name
		}
	}
	for name, g := range s.leases {
		macs := slices.DeleteFunc(keep(g.macs, name, macOf), s.spared)
		if err := g.protect(name, keep(g.vips, name, vipOf), macs); err != nil {
			return err
		}
	}
	for i := range routers {
		g, err := s.lease(routers[i].Name)
		if err != nil {
			return err
		}
		vips, macs := s.fenced(&routers[i])
		if err := g.protect(routers[i].Name, merge(g.vips, vips), merge(g.macs, macs)); err != nil {
			return err
		}
	}
	return nil
}

// keep returns what a router has that is no other one's from now on.
func keep[T comparable](has []T, router string, owner map[T]string) []T {
	return slices.DeleteFunc(slices.Clone(has), func(v T) bool { to, ok := owner[v]; return ok && to != router })
}

// settle ends the fencing of what routers no longer have, once it is gone.
func (s *shield) settle(routers []virtualRouter) error {
	var errs []error
	stays := map[string]bool{}
	for i := range routers {
		name := routers[i].Name
		stays[name] = true
		vips, macs := s.fenced(&routers[i])
		errs = append(errs, s.leases[name].protect(name, vips, macs))
	}
	for name, g := range s.leases {
		if stays[name] {
			continue
		}
		if err := g.Close(); err != nil {
			errs = append(errs, fmt.Errorf("vrrp %s: %w", name, err))
			continue
		}
		delete(s.leases, name)
	}
	return errors.Join(errs...)
}

// lease returns the lease of a router, which is made when it is new.
func (s *shield) lease(router string) (*guarded, error) {
	if g, ok := s.leases[router]; ok {
		return g, nil
	}
	l, err := s.make()
	if err != nil {
		return nil, fmt.Errorf("vrrp %s: %w", router, err)
	}
	s.leases[router] = &guarded{routerLease: l}
	return s.leases[router], nil
}

// protect replaces what is under the lease. That nothing changes, as when an interface
// comes that has to do with no router, costs nothing.
func (g *guarded) protect(router string, vips []fence.VIP, macs []fence.MAC) error {
	if g.fenced && slices.Equal(g.vips, vips) && slices.Equal(g.macs, macs) {
		return nil
	}
	g.fenced = false
	if err := g.Protect(vips, macs); err != nil {
		return fmt.Errorf("vrrp %s: %w", router, err)
	}
	g.fenced, g.vips, g.macs = true, vips, macs
	return nil
}

// merge returns a and what b has besides.
func merge[T comparable](a, b []T) []T {
	in := map[T]bool{}
	var all []T
	for _, v := range slices.Concat(a, b) {
		if !in[v] {
			in[v] = true
			all = append(all, v)
		}
	}
	return all
}
