package daemon

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ranked are routers whose engine a test plays.
type ranked struct {
	*routers
	there map[string]bool // routers in the engine
	told  []string
	state map[string]verdict
}

func newRanked(list ...virtualRouter) *ranked {
	r := &ranked{there: map[string]bool{}, state: map[string]verdict{}}
	r.routers = &routers{
		ranks:    map[string]rank{},
		verdicts: func() map[string]verdict { return r.state },
		setPriority: func(name string, priority uint8, fault string) error {
			if !r.there[name] {
				return errors.New("there is no such instance")
			}
			r.told = append(r.told, fmt.Sprintf("%s %d %s", name, priority, fault))
			return nil
		},
	}
	r.setup.Store(&setup{routers: list})
	for _, v := range list {
		r.there[v.Name] = true
	}
	return r
}

// expect wants the engine to have been told just so much since the last time.
func (r *ranked) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.told); diff != "" {
		t.Errorf("the engine was told (-want +got):\n%s", diff)
	}
	r.told = nil
}

func TestChecksRankVirtualRouters(t *testing.T) {
	gw, lan := virtualRouter{}, virtualRouter{}
	gw.Name, gw.Priority, lan.Name, lan.Priority = "gw", 200, "lan", 100
	gw.refs, lan.refs = []reference{{check: "web"}, {check: "flag", weight: -50}}, []reference{{check: "flag", weight: -50}}
	r := newRanked(gw, lan)
	r.rank() // nothing is known: as configured
	r.expect(t)
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
	gw := virtualRouter{refs: []reference{{check: "web"}}}
	gw.Name, gw.Priority = "gw", addressOwner
	r := newRanked(gw)
	r.there["gw"], r.state["web"] = false, verdict{state: failed, reason: "failed"}
	r.rank()
	r.expect(t)
	r.there["gw"] = true
	r.rank()
	r.expect(t, "gw 255 check web failed")
	r.setup.Store(&setup{}) // it was removed
	r.rankAnew()
	r.setup.Store(&setup{routers: []virtualRouter{gw}})
	r.rankAnew()
	r.expect(t, "gw 255 check web failed")
}

// A router that was configured in fault is told that it can serve, should it have become
// so just then.
func TestRouterThatBeginsInFaultIsRanked(t *testing.T) {
	gw := virtualRouter{}
	gw.Name, gw.Priority, gw.refs = "gw", 255, []reference{{check: "web"}}
	r := newRanked(gw)
	r.state["web"] = verdict{state: failed, reason: "failed 3 of 3: status 503"}
	if got, want := r.faultAtFirst(&gw), "check web failed 3 of 3: status 503"; got != want {
		t.Errorf("fault %q, want %q", got, want)
	}
	r.state["web"] = verdict{state: passed}
	r.rankAnew()
	r.expect(t, "gw 255 ")
	if got := r.faultAtFirst(&gw); got != "" {
		t.Errorf("fault %q", got)
	}
	r.rank()
	r.expect(t)
}
