package fence

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

const (
	untilAt  = 0 // offsets in shared, for the programs
	rangesAt = 8
	sieveAt  = 64
)

// shared is memory that this process and the programs have in common. It has a cache
// line for the lease, which is written often, and then the sieve: a bit for each hash
// of a VIP. An address whose bit is not set is no VIP; that is all that most packets
// cost. An address whose bit is set may be one.
type shared struct {
	until  atomic.Int64  // the lease's end, nanoseconds of CLOCK_BOOTTIME; 0 is shut
	ranges atomic.Uint32 // not 0: there are VIPs with a prefix shorter than a host's
	_      [sieveAt - rangesAt - 4]byte
	sieve  [sieveWords]atomic.Uint64
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

// set moves the lease's end: to 0 from anywhere, or else only forward.
func (s *shared) set(until time.Duration) {
	if until == 0 {
		s.until.Store(0)
		return
	}
	for {
		old := s.until.Load()
		if int64(until) <= old || s.until.CompareAndSwap(old, int64(until)) {
			return
		}
	}
}
