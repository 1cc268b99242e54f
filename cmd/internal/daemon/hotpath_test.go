package daemon

import (
	"slices"
	"testing"
	"time"

	"github.com/perch-vip/perch/vip/fence"
)

// From the cluster's word to the fence, the refresh of a lease allocates nothing: with a real
// node, which has a log on disk and leads, and all that is asked before VIPs are held. What
// the fence stores in the kernel is tried in package fence, and what an answer of a peer does
// in package cluster.
func TestHotPathLeaseRefresh(t *testing.T) {
	d := directors(t, 1)[0]
	d.member.overseer = &overseer{}
	var err error
	if d.fence, err = fence.New(fence.Off, d.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.fence.Close(); err != nil {
			t.Error(err)
		}
	})
	h := newHolder(d.member.node, d.fence, d.situation, d.log)
	refresh := func() bool {
		_, decided := h.keep()
		return decided == hold
	}
	for end := time.Now().Add(time.Minute); !refresh(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the node never owns")
		}
	}
	h.done = setting{settled: true, held: all, term: d.member.node.Ownership().Term}
	// The library allocates now and then meanwhile: a batch without is wanted, of some.
	var allocations []float64
	for range 20 {
		allocations = append(allocations, testing.AllocsPerRun(100, func() {
			if !refresh() || !h.allowed() || h.holding() != true {
				t.Error("the node does not own")
			}
		}))
	}
	if n := slices.Min(allocations); n != 0 {
		t.Errorf("%v allocations", allocations)
	}
	if h.margin.least.Load() == 0 {
		t.Error("how much was left of the lease is not noted")
	}
}
