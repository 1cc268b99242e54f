package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// vigilWindow is how long one pinger pings: what it has seen takes memory.
const vigilWindow = time.Minute

// vigil has a client ping an address, with one pinger after the other.
type vigil struct {
	host   *lab.Host
	target netip.Addr
	done   sync.WaitGroup

	gaps   figure        // the longest of each window
	paused time.Duration // the longest time in which the client sent nothing
	err    error
}

// watch pings until ctx ends; wait waits for that.
func watch(ctx context.Context, h *lab.Host, target netip.Addr) (*vigil, error) {
	v := &vigil{host: h, target: target}
	p, err := h.Ping(target)
	if err != nil {
		return nil, err
	}
	v.done.Go(func() { v.err = v.run(ctx, p) })
	return v, nil
}

func (v *vigil) wait() { v.done.Wait() }

// run begins with each pinger before the last one ends, so that nothing is missed.
func (v *vigil) run(ctx context.Context, p *lab.Pinger) error {
	for begun := time.Now(); ; begun = time.Now() {
		if err := awaitAnswers(ctx, p, begun); err != nil && ctx.Err() == nil {
			return err
		}
		sleep(ctx, vigilWindow)
		var next *lab.Pinger
		var err error
		if ctx.Err() == nil {
			if next, err = v.host.Ping(v.target); err == nil {
				err = awaitAnswers(ctx, next, time.Now())
			}
		}
		seen := p.Since(begun)
		v.gaps.samples = append(v.gaps.samples, seen.Gap)
		v.paused = max(v.paused, seen.Pause)
		if closed := p.Close(); err == nil {
			err = closed
		}
		if next == nil || err != nil && ctx.Err() == nil {
			return err
		}
		p = next
	}
}

// awaitAnswers waits for some, which may take as long as an outage.
func awaitAnswers(ctx context.Context, p *lab.Pinger, since time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.WaitAnswers(ctx, since, 10)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// soakedNode is a daemon of perch, and what its metrics said.
type soakedNode struct {
	name        string
	daemon      *lab.Daemon
	first, last scrape
	longestGC   float64 // seconds
	mostHeap    float64 // bytes
	resident    [2]float64
}

// look reads its metrics. One that is too busy for an answer is left out.
func (n *soakedNode) look(t *testing.T) error {
	if !n.daemon.Running() {
		return fmt.Errorf("%s has ended: %s", n.name, n.daemon.LogTail(20))
	}
	text, err := metricsOf(t, n.daemon.Host)
	if err != nil {
		t.Logf("metrics of %s: %v", n.name, err)
		return nil
	}
	n.last = parseScrape(text)
	if n.first == nil {
		n.first = n.last
		n.resident[0] = n.last["process_resident_memory_bytes"]
	}
	n.resident[1] = n.last["process_resident_memory_bytes"]
	n.longestGC = max(n.longestGC, n.last[`go_gc_duration_seconds{quantile="1"}`])
	n.mostHeap = max(n.mostHeap, n.last["go_memstats_heap_inuse_bytes"])
	return nil
}

// grown returns by how much a counter has grown, over all of its labels.
func (n *soakedNode) grown(name string) float64 { return n.last.sum(name) - n.first.sum(name) }

// scrape has the samples of a scrape, by name and labels as they are written.
type scrape map[string]float64

func parseScrape(text string) scrape {
	s := scrape{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if value, err := strconv.ParseFloat(line[at+1:], 64); err == nil {
			s[line[:at]] = value
		}
	}
	return s
}

// sum adds up the samples of a name.
func (s scrape) sum(name string) (sum float64) {
	for series, value := range s {
		if series == name || strings.HasPrefix(series, name+"{") {
			sum += value
		}
	}
	return sum
}

func TestScrapeIsParsed(t *testing.T) {
	s := parseScrape("# HELP a x\na{b=\"c d\"} 1.5\na{b=\"e\"} 2\nab 7\n")
	if len(s) != 3 || s[`a{b="c d"}`] != 1.5 || s.sum("a") != 3.5 || s.sum("ab") != 7 || s.sum("b") != 0 {
		t.Errorf("%v", s)
	}
}
