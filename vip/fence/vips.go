package fence

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

const maxVIPs = 1 << 16

// bpfVIPs is the VIPs as the programs see them. Its methods are called one at a time.
type bpfVIPs struct {
	tables
	memory *shared
	known  map[netip.Prefix]bool // all that may be in the maps
}

// newBPFVIPs makes an empty set.
func newBPFVIPs() (*bpfVIPs, error) {
	sharedMap, memory, err := newShared()
	if err != nil {
		return nil, err
	}
	s := &bpfVIPs{
		tables: tables{shared: sharedMap}, memory: (*shared)(unsafe.Pointer(&memory[0])),
		known: map[netip.Prefix]bool{},
	}
	// Not in close: a lease that is set after it must not crash the process.
	runtime.AddCleanup(s, func(memory []byte) { _ = unix.Munmap(memory) }, memory)
	if s.hosts, err = newMap("perch_hosts", ebpf.Hash, hostSize); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.ranges, err = newMap("perch_ranges", ebpf.LPMTrie, keySize); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// newMap makes a map that takes memory for what is in it only.
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
	for _, m := range []*ebpf.Map{s.shared, s.hosts, s.ranges} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}

// replace makes vips the set. What is new is in force before what is old goes, and
// what stays is in force throughout: packets are judged all the while.
func (s *bpfVIPs) replace(vips []netip.Prefix) error {
	wanted := make(map[netip.Prefix]bool, len(vips))
	for _, p := range vips {
		if err := check(p); err != nil {
			return err
		}
		wanted[p] = true
	}
	for p := range wanted {
		if err := s.add(p); err != nil {
			return err
		}
	}
	s.memory.ranges.Or(ranges(wanted))
	sieve := sieveOf(wanted)
	for i, bits := range sieve {
		s.memory.sieve[i].Or(bits)
	}
	for p := range s.known {
		if wanted[p] {
			continue
		}
		if err := s.remove(p); err != nil {
			return err
		}
	}
	for i, bits := range sieve {
		s.memory.sieve[i].Store(bits)
	}
	s.memory.ranges.Store(ranges(wanted))
	return nil
}

// check refuses what would fence something else than was meant: the subnet in which
// a VIP lives, above all.
func check(p netip.Prefix) error {
	switch {
	case !p.IsValid() || p.Addr().Is4In6() || p.Addr().Zone() != "":
		return fmt.Errorf("VIP %s: not an IPv4 or IPv6 prefix", p)
	case p != p.Masked():
		return fmt.Errorf("VIP %s: host bits are set; one address is %s", p, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
	}
	return nil
}

func (s *bpfVIPs) add(p netip.Prefix) error {
	if s.known[p] {
		return nil
	}
	m, key := s.place(p)
	if err := m.Put(key, uint32(0)); err != nil {
		return fmt.Errorf("add VIP %s: %w", p, err)
	}
	s.known[p] = true
	return nil
}

func (s *bpfVIPs) remove(p netip.Prefix) error {
	m, key := s.place(p)
	if err := m.Delete(key); err != nil {
		return fmt.Errorf("remove VIP %s: %w", p, err)
	}
	delete(s.known, p)
	return nil
}

// ranges is 1 if there are VIPs of more than one address.
func ranges(vips map[netip.Prefix]bool) uint32 {
	for p := range vips {
		if !p.IsSingleIP() {
			return 1
		}
	}
	return 0
}

// place is where a VIP is kept, and its key there.
func (s *bpfVIPs) place(p netip.Prefix) (*ebpf.Map, []byte) {
	key := vipKey(p)
	if p.IsSingleIP() {
		return s.hosts, key[4:]
	}
	return s.ranges, key[:]
}
