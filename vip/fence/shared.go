package fence

import (
	"fmt"
	"iter"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

const (
	clusterLease = 0    // the number of the lease that Fence.Open extends
	maxLeases    = 4096 // others, from 1 on
)

const (
	rangesAt  = 0 // offsets in shared, for the programs
	furtherAt = 4
	unusualAt = 8
	leasesAt  = 16
	sieveAt   = (leasesAt + 8*(1+maxLeases) + cacheLine - 1) / cacheLine * cacheLine
	cacheLine = 64
)

// shared is memory that this process and the programs have in common: the leases, and
// the sieve, a bit for each hash of a VIP. An address whose bit is not set is no VIP;
// that is all that most packets cost. An address whose bit is set may be one.
type shared struct {
	ranges  atomic.Uint32 // not 0: there are VIPs with a prefix shorter than a host's
	further atomic.Uint32 // not 0: there are VIPs under other leases than the cluster's
	unusual atomic.Uint32 // not 0: there are virtual MACs with another prefix than that of the RFC
	_       [leasesAt - unusualAt - 4]byte
	leases  [1 + maxLeases]expiry
	_       [sieveAt - leasesAt - 8*(1+maxLeases)]byte
	sieve   [sieveWords]atomic.Uint64
}

// newShared makes the map by which programs reach the memory, and the memory.
func newShared() (*ebpf.Map, []byte, error) {
	size := int(unsafe.Sizeof(shared{}))
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "perch_shared", Type: ebpf.Array, KeySize: 4, ValueSize: uint32(size),
		MaxEntries: 1, Flags: unix.BPF_F_MMAPABLE,
	})
	if err != nil {
		return nil, nil, explain("create BPF map perch_shared", err)
	}
	page := unix.Getpagesize()
	memory, err := unix.Mmap(m.FD(), 0, (size+page-1)/page*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		m.Close()
		return nil, nil, fmt.Errorf("map BPF map perch_shared into memory: %w", err)
	}
	return m, memory, nil
}

// widen lets VIPs pass the sieve beside those that do.
func (s *shared) widen(vips iter.Seq[VIP]) {
	s.ranges.Or(ranges(vips))
	sift(vips, func(word int, bits uint64) { s.sieve[word].Or(bits) })
}

// narrow lets VIPs pass the sieve and no others.
func (s *shared) narrow(vips iter.Seq[VIP]) {
	for i, bits := range sieveOf(vips) {
		if s.sieve[i].Load() != bits {
			s.sieve[i].Store(bits)
		}
	}
	s.ranges.Store(ranges(vips))
}

// expiry is the end of a lease in nanoseconds of CLOCK_BOOTTIME. 0 is shut.
type expiry struct{ atomic.Int64 }

// set moves the end: to 0 from anywhere, or else only forward.
func (e *expiry) set(until time.Duration) {
	if until == 0 {
		e.Store(0)
		return
	}
	e.extend(until)
}

// extend moves the end only forward.
func (e *expiry) extend(until time.Duration) {
	for {
		old := e.Load()
		if int64(until) <= old || e.CompareAndSwap(old, int64(until)) {
			return
		}
	}
}
