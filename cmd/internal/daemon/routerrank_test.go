package daemon

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ranked are routers whose engine a test plays.
type rankedRouters struct {
	*routers
	there map[string]bool // routers in the engine
	told  []string
	state map[string]verdict
}

func newRanked(list ...virtualRouter) *rankedRouters {
	r := &rankedRouters{there: map[string]bool{}, state: map[string]verdict{}}
	r.routers = &routers{
		ranks: map[string]ranked{},
		verdicts: func() verdicts {
			all := verdicts{}
			for name, v := range r.state {
				all[name] = &v
			}
			return all
		},
		setPriority: func(name string, priority uint8, fault string) error {
			if !r.there[name] {
				return errors.New("there is no such instance")
			}
			r.told = append(r.told, fmt.Sprintf("%s %d %s", name, priority, fault))
			return nil
		},
	}
	r.configure(list...)
	return r
}

// configure has the engine run just these routers.
func (r *rankedRouters) configure(list ...virtualRouter) (faults []string) {
	s := &setup{routers: list, byName: map[string]*virtualRouter{}}
	clear(r.there)
	for i := range list {
		v := &list[i]
		faults = append(faults, r.faultAtFirst(v))
		s.byName[v.Name], r.there[v.Name] = v, true
	}
	r.setup.Store(s)
	return faults
}

// expect wants the engine to have been told just so much since the last time.
func (r *rankedRouters) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.told); diff != "" {
		t.Errorf("the engine was told (-want +got):\n%s", diff)
	}
	r.told = nil
}

// tracking returns a virtual router that tracks checks.
func tracking(name string, priority int, refs ...reference) virtualRouter {
	v := virtualRouter{refs: refs}
	v.Name, v.Priority = name, priority
	return v
}

func TestChecksRankVirtualRouters(t *testing.T) {
	gw := tracking("gw", 200, reference{check: "web"}, reference{check: "flag", weight: -50})
	lan := tracking("lan", 100, reference{check: "flag", weight: -50})
	r := newRanked()
	r.state["web"] = verdict{state: passed}
	r.configure(gw, lan)
	r.rankAnew()
	r.expect(t, "gw 200 ", "lan 100 ")
	r.state["flag"] = verdict{state: failed}
	r.rank()
	r.rank()
	r.expect(t, "gw 150 ", "lan 50 ")
	r.state["web"] = verdict{state: failed, reason: "failed 3 of 3: status 503"}
	r.rank()
	r.expect(t, "gw 150 check web failed 3 of 3: status 503")
	r.rankAnew() // the engine has them as configured
	r.expect(t, "gw 150 check web failed 3 of 3: status 503", "lan 50 ")
	r.state = map[string]verdict{"web": {state: passed}, "flag": {state: passed}}
	r.rank()
	r.expect(t, "gw 200 ", "lan 100 ")
}

// A router that the engine does not have yet, or not any more, is ranked when it has it.
func TestRouterIsRankedOnceItIsThere(t *testing.T) {
	gw := tracking("gw", addressOwner, reference{check: "web"})
	r := newRanked(gw)
	r.there["gw"], r.state["web"] = false, verdict{state: failed, reason: "failed"}
	r.rank()
	r.expect(t)
	r.there["gw"] = true
	r.rank()
	r.expect(t, "gw 255 check web failed")
	r.configure() // it was removed
	r.rankAnew()
	r.configure(gw)
	r.rankAnew()
	r.expect(t, "gw 255 check web failed")
}

// A router that was configured in fault is told that it can serve, should it have become
// so just then.
func TestRouterThatBeginsInFaultIsRanked(t *testing.T) {
	gw := tracking("gw", addressOwner, reference{check: "web"})
	r := newRanked()
	r.state["web"] = verdict{state: failed, reason: "failed 3 of 3: status 503"}
	if got, want := r.configure(gw), "check web failed 3 of 3: status 503"; got[0] != want {
		t.Errorf("fault %q, want %q", got, want)
	}
	r.state["web"] = verdict{state: passed}
	r.rankAnew()
	r.rank()
	r.expect(t, "gw 255 ")
}

// A check without a verdict is neither a reason to begin to serve nor one to cease.
func TestRouterWithoutAVerdict(t *testing.T) {
	gw := tracking("gw", 200, reference{check: "web"}, reference{check: "flag", weight: -50})
	undecided := verdict{reason: "has looked once"}
	passed, failed := verdict{state: passed}, verdict{state: failed, reason: "failed 3 of 3: refused"}
	const none = "gw 200 check web has looked once"
	for _, c := range []struct {
		when   string
		before *verdict // of a router that was there
		want   []string // from then on, and once the verdict is there
	}{
		{"it is new", nil, []string{none, "gw 200 "}},
		{"it could serve", &passed, []string{"gw 200 ", "gw 200 check web failed 3 of 3: refused"}},
		{"it was in fault", &failed, []string{none, "gw 200 "}},
	} {
		t.Run(c.when, func(t *testing.T) {
			r := newRanked()
			if c.before != nil {
				r.state["web"] = *c.before
				r.configure(gw)
				r.rankAnew()
				r.told = nil
			}
			r.state["web"] = undecided // it is another check by now
			r.configure(gw)
			r.rankAnew()
			r.rank()
			r.expect(t, c.want[0])
			r.state["web"] = failed
			if c.want[1] == "gw 200 " {
				r.state["web"] = passed
			}
			r.rank()
			r.expect(t, c.want[1])
		})
	}
}

// One that was removed and comes back is new.
func TestRouterThatComesBackIsNew(t *testing.T) {
	gw := tracking("gw", 200, reference{check: "web"})
	r := newRanked()
	r.state["web"] = verdict{state: passed}
	r.configure(gw)
	r.rankAnew()
	r.configure()
	r.rankAnew()
	r.told, r.state["web"] = nil, verdict{}
	r.configure(gw)
	r.rankAnew()
	r.expect(t, "gw 200 check web has no verdict yet")
}
