package fence

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// ErrOtherLease is returned for what is under another lease already.
var ErrOtherLease = errors.New("another lease has it")

// held is what is in maps of the kernel, by the number of its lease.
type held[K interface {
	comparable
	fmt.Stringer
}] struct {
	kind  string // for errors
	place func(K) (*ebpf.Map, []byte)
	lease map[K]uint32          // of all that may be in the maps
	under map[uint32]map[K]bool // the same, by lease: none of them is empty
}

// clash is an error if a key is under another lease.
func (h held[K]) clash(lease uint32, keys map[K]bool) error {
	for k := range keys {
		if has, known := h.lease[k]; known && has != lease {
			return fmt.Errorf("%s %s: %w", h.kind, k, ErrOtherLease)
		}
	}
	return nil
}

// add puts keys into the maps beside what is there.
func (h held[K]) add(lease uint32, keys map[K]bool) error {
	for k := range keys {
		if _, known := h.lease[k]; known {
			continue
		}
		m, key := h.place(k)
		if err := whenStocked(func() error { return m.Put(key, lease) }); err != nil {
			return fmt.Errorf("add %s %s: %w", h.kind, k, err)
		}
		h.lease[k] = lease
		if h.under[lease] == nil {
			h.under[lease] = map[K]bool{}
		}
		h.under[lease][k] = true
	}
	return nil
}

// How often and after which time an element is asked for again.
const (
	stockTries = 20
	stockPause = time.Millisecond
)

// whenStocked puts an element into a map. The kernel takes it from a small stock, which it
// fills up in an interrupt: at once on most kernels, some time later on those for real time
// and without such interrupts. Until then there is no memory.
func whenStocked(put func() error) error {
	err := put()
	for try := 1; try < stockTries && errors.Is(err, unix.ENOMEM); try++ {
		time.Sleep(stockPause)
		err = put()
	}
	return err
}

// trim takes out what a lease has beside keys, and returns how much that was.
func (h held[K]) trim(lease uint32, keys map[K]bool) (gone int, err error) {
	for k := range h.under[lease] {
		if keys[k] {
			continue
		}
		m, key := h.place(k)
		if err := m.Delete(key); err != nil {
			return gone, fmt.Errorf("remove %s %s: %w", h.kind, k, err)
		}
		delete(h.lease, k)
		delete(h.under[lease], k)
		gone++
	}
	if len(h.under[lease]) == 0 {
		delete(h.under, lease)
	}
	return gone, nil
}

// further tells whether there is something under another lease than the cluster's.
func (h held[K]) further() bool {
	if h.under[clusterLease] != nil {
		return len(h.under) > 1
	}
	return len(h.under) > 0
}
