package fence

import (
	"errors"
	"iter"
	"maps"
	"runtime"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

const maxVIPs = 1 << 16

// bpfVIPs is the VIPs and virtual MACs as the programs see them. Its methods are called
// one at a time.
type bpfVIPs struct {
	tables
	memory    *shared
	known     held[VIP]
	knownMACs held[MAC]
	stale     int // so many have gone since the sieve was narrowed
}

// newBPFVIPs makes an empty set.
func newBPFVIPs() (*bpfVIPs, error) {
	sharedMap, memory, err := newShared()
	if err != nil {
		return nil, err
	}
	s := &bpfVIPs{tables: tables{shared: sharedMap}, memory: (*shared)(unsafe.Pointer(&memory[0]))}
	s.known = held[VIP]{"VIP", s.placeVIP, map[VIP]uint32{}, map[uint32]map[VIP]bool{}}
	s.knownMACs = held[MAC]{"virtual MAC", s.placeMAC, map[MAC]uint32{}, map[uint32]map[MAC]bool{}}
	// Not in close: a lease that is set after it must not crash the process.
	runtime.AddCleanup(s, func(memory []byte) { _ = unix.Munmap(memory) }, memory)
	for _, m := range []struct {
		at   **ebpf.Map
		name string
		kind ebpf.MapType
		key  uint32
	}{
		{&s.hosts, "perch_hosts", ebpf.Hash, hostSize},
		{&s.ranges, "perch_ranges", ebpf.LPMTrie, rangeSize},
		{&s.macs, "perch_macs", ebpf.Hash, macKeySize},
	} {
		if *m.at, err = newMap(m.name, m.kind, m.key); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// newMap makes a map from keys to numbers of leases. It takes memory for what is in it
// only.
func newMap(name string, kind ebpf.MapType, key uint32) (*ebpf.Map, error) {
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: name, Type: kind, KeySize: key, ValueSize: 4, MaxEntries: maxVIPs, Flags: unix.BPF_F_NO_PREALLOC,
	})
	if err != nil {
		return nil, explain("create BPF map "+name, err)
	}
	return m, nil
}

func (s *bpfVIPs) close() error {
	var errs []error
	for _, m := range []*ebpf.Map{s.shared, s.hosts, s.ranges, s.macs} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}

// protect makes vips and macs what is under a lease. What is new is in force before
// what is old goes, and what stays is in force throughout: packets are judged all the
// while. What another lease has is an error, and nothing changes.
func (s *bpfVIPs) protect(lease uint32, vips []VIP, macs []MAC) error {
	wanted, err := setOfVIPs(vips)
	if err != nil {
		return err
	}
	wantedMACs, err := setOfMACs(macs)
	if err != nil {
		return err
	}
	if err := errors.Join(s.known.clash(lease, wanted), s.knownMACs.clash(lease, wantedMACs)); err != nil {
		return err
	}
	if lease != clusterLease {
		s.memory.further.Store(1)
	}
	s.memory.unusual.Or(unusual(maps.Keys(wantedMACs)))
	s.memory.widen(maps.Keys(wanted))
	if err := errors.Join(s.known.add(lease, wanted), s.knownMACs.add(lease, wantedMACs)); err != nil {
		return err
	}
	gone, err := s.known.trim(lease, wanted)
	goneMACs, errMACs := s.knownMACs.trim(lease, wantedMACs)
	s.narrow(gone + goneMACs)
	if err := errors.Join(err, errMACs); err != nil {
		return err
	}
	if !s.known.further() {
		s.memory.further.Store(0)
	}
	return nil
}

// narrow has the programs forget what has gone, which takes a look at all that is left: not for
// each of many routers, but whenever a part of all has gone. Until then they look exactly at
// more packets than they need to.
func (s *bpfVIPs) narrow(gone int) {
	s.stale += gone
	if s.stale <= len(s.known.lease)/staleShare {
		return
	}
	s.stale = 0
	s.memory.narrow(maps.Keys(s.known.lease))
	s.memory.unusual.Store(unusual(maps.Keys(s.knownMACs.lease)))
}

// staleShare is what part of all may have gone before the sieve is narrowed.
const staleShare = 16

// ranges is 1 if there are VIPs of more than one address.
func ranges(vips iter.Seq[VIP]) uint32 {
	for v := range vips {
		if !v.Prefix.IsSingleIP() {
			return 1
		}
	}
	return 0
}

// unusual is 1 if there are MACs that do not begin as those of the RFC.
func unusual(macs iter.Seq[MAC]) uint32 {
	for m := range macs {
		if !m.isUsual() {
			return 1
		}
	}
	return 0
}

// placeVIP is where a VIP is kept, and its key there.
func (s *bpfVIPs) placeVIP(v VIP) (*ebpf.Map, []byte) {
	key := vipKey(v)
	if v.Prefix.IsSingleIP() {
		return s.hosts, key[keySize-hostSize:]
	}
	return s.ranges, key[:rangeSize]
}

func (s *bpfVIPs) placeMAC(m MAC) (*ebpf.Map, []byte) { return s.macs, macKey(m) }
