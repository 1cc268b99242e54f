package daemon

import (
	"sync/atomic"

	"github.com/perch-vip/perch/vip/accept"
)

// acceptance keeps this node from taking what is sent to the addresses of routers that do not
// own them and are not to accept it.
type acceptance struct {
	filter  acceptFilter
	trouble atomic.Pointer[error] // why it does not; nil if it does
}

// acceptFilter is what is needed of accept.Filter.
type acceptFilter interface {
	Set([]accept.Address) error
	Mend() (bool, error)
}

// set is for the routers of some setups, no one else's.
func (a *acceptance) set(setups ...*setup) error {
	var all []accept.Address
	for _, s := range setups {
		all = append(all, s.refused()...)
	}
	return a.note(a.filter.Set(all))
}

// mend puts back what somebody else has removed, and tells whether that was so.
func (a *acceptance) mend() (bool, error) {
	mended, err := a.filter.Mend()
	return mended, a.note(err)
}

func (a *acceptance) note(err error) error {
	a.trouble.Store(nil)
	if err != nil {
		a.trouble.Store(&err)
	}
	return err
}

// refused returns the addresses that are there to be routed by only.
func (s *setup) refused() (all []accept.Address) {
	for i := range s.routers {
		if r := &s.routers[i]; !r.Accept {
			for _, v := range r.VIPs {
				all = append(all, accept.Address{IP: v.Address.Addr(), Interface: v.Interface})
			}
		}
	}
	return all
}
