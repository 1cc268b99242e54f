package lab

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Watch looks again and again which hosts have an address, and notes when two
// had it at once.
type Watch struct {
	lab   *Lab
	addr  netip.Addr
	stop  chan struct{}
	ended sync.WaitGroup
	close func() error

	rounds atomic.Int64 // of looks

	mu       sync.Mutex
	overlaps []Overlap
	err      error
}

// Overlap is a moment at which two hosts had the address.
type Overlap struct {
	At     time.Time
	First  *Host
	Second *Host
}

// Watch starts watching addr on all hosts of the lab, those added later too. In a
// closed lab it sees nothing, and its Close says so.
func (l *Lab) Watch(addr netip.Addr) *Watch {
	w := &Watch{lab: l, addr: addr, stop: make(chan struct{})}
	w.close = sync.OnceValue(w.end)
	if err := l.begin(w, func() { w.ended.Go(w.run) }); err != nil {
		w.err = err
	}
	return w
}

// Close ends the watch; Overlaps stays readable.
func (w *Watch) Close() error { return w.close() }

func (w *Watch) end() error {
	close(w.stop)
	w.ended.Wait()
	return w.err
}

func (w *Watch) run() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var before []sample
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
		}
		now, err := w.sample()
		if err != nil {
			w.err = errors.Join(w.err, err)
			return
		}
		w.note(overlaps(before, now))
		before = now
		w.rounds.Add(1)
	}
}

// sample is one look at one host.
type sample struct {
	at   time.Time
	host *Host
	has  bool
}

func (w *Watch) sample() ([]sample, error) {
	hosts := w.lab.Hosts()
	samples := make([]sample, 0, len(hosts))
	for _, h := range hosts {
		has, err := h.Has(w.addr)
		if err != nil {
			return nil, err
		}
		samples = append(samples, sample{at: time.Now(), host: h, has: has})
	}
	return samples, nil
}

// overlaps compares two rounds of looks. Hosts are looked at one after the
// other, so that two that have the address in one round may have passed it on
// in between. It was on both for certain when one had it between two looks at
// the other that found it too.
func overlaps(before, now []sample) []Overlap {
	var found []Overlap
	for i := range before {
		for j := i + 1; j < len(before); j++ {
			var between sample
			switch {
			case before[i].has && before[j].has && now[i].has:
				between = before[j]
			case before[j].has && now[i].has && now[j].has:
				between = now[i]
			default:
				continue
			}
			found = append(found, Overlap{At: between.at, First: before[i].host, Second: before[j].host})
		}
	}
	return found
}

func (w *Watch) note(found []Overlap) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.overlaps = append(w.overlaps, found...)
}

// Overlaps returns the moments since from at which two hosts had the address.
func (w *Watch) Overlaps(from time.Time) []Overlap {
	w.mu.Lock()
	defer w.mu.Unlock()
	var since []Overlap
	for _, o := range w.overlaps {
		if !o.At.Before(from) {
			since = append(since, o)
		}
	}
	return since
}
