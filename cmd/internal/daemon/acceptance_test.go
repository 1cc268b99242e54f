package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/perch-vip/perch/vip/accept"
)

// fakeFilter remembers what was set.
type fakeFilter struct {
	set []accept.Address
	err error
}

func (f *fakeFilter) Set(list []accept.Address) error { f.set = list; return f.err }
func (f *fakeFilter) Mend() (bool, error)             { return f.err == nil, f.err }

func TestWhatIsNotAccepted(t *testing.T) {
	cfg := twoRouters(t)
	cfg.VRRP[1].Accept = false
	f := &fakeFilter{}
	a := acceptance{filter: f}
	if err := a.set(newSetup(cfg)); err != nil {
		t.Fatal(err)
	}
	want := []accept.Address{
		{IP: netip.MustParseAddr("198.18.1.200"), Interface: "vrrp.52"},
		{IP: netip.MustParseAddr("198.18.1.201"), Interface: "vrrp.52"},
		{IP: netip.MustParseAddr("2001:db8:1::200"), Interface: "eth1"},
	}
	if !slices.Equal(f.set, want) {
		t.Errorf("%v, want %v", f.set, want)
	}
	if mended, err := a.mend(); !mended || err != nil {
		t.Errorf("%v, %v", mended, err)
	}
	if err := a.set(); err != nil || len(f.set) > 0 {
		t.Errorf("in the end %v, %v", f.set, err)
	}
}

// What cannot be refused is told for as long as it cannot.
func TestTroubleWithAcceptance(t *testing.T) {
	f := &fakeFilter{err: errors.New("no nftables")}
	a := acceptance{filter: f}
	if err := a.set(newSetup(twoRouters(t))); err == nil || a.trouble.Load() == nil {
		t.Errorf("%v, %v", err, a.trouble.Load())
	}
	if _, err := a.mend(); err == nil || a.trouble.Load() == nil {
		t.Errorf("%v, %v", err, a.trouble.Load())
	}
	f.err = nil
	if _, err := a.mend(); err != nil || a.trouble.Load() != nil {
		t.Errorf("%v, %v", err, a.trouble.Load())
	}
}
