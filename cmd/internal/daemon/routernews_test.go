package daemon

import (
	"testing"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// newsroom are routers whose news a test hears, and whose addresses it plays.
type newsroom struct {
	*routers
	events  []notify.Event
	kernel  map[vip.VIP]bool
	verdict judgement // of check c, which is of lan
}

func newNewsroom(t *testing.T) *newsroom {
	t.Helper()
	cfg := twoRouters(t)
	cfg.VRRP[1].Track = []config.Track{{Check: "c"}}
	n := &newsroom{routers: &routers{}, kernel: map[vip.VIP]bool{}, verdict: passed}
	n.setup.Store(newSetup(cfg))
	n.verdicts = func() verdicts { return verdicts{"c": {state: n.verdict}} }
	n.statuses = func() []vrrpnet.Status {
		return []vrrpnet.Status{inState("gw", vrrp.Backup), inState("lan", vrrp.Fault)}
	}
	n.news = routerNews{
		tell: func(events ...notify.Event) { n.events = append(n.events, events...) },
		held: func(list []vip.VIP) (held int) {
			for _, v := range list {
				if n.kernel[v] {
					held++
				}
			}
			return held
		},
		bulletin: newBulletin(),
	}
	return n
}

// want compares what was told since the last time.
func (n *newsroom) want(t *testing.T, when string, want ...string) {
	t.Helper()
	wantEvents(t, when, n.events, want...)
	for _, e := range n.events {
		if e.At.IsZero() {
			t.Errorf("%s: %s is of no time", when, e)
		}
	}
	n.events = nil
}

func TestUsersAreToldOfRouters(t *testing.T) {
	n := newNewsroom(t)
	gw, lan := n.setup.Load().routers[0], n.setup.Load().routers[1]
	n.inform([]vrrpnet.Status{inState(gw.Name, vrrp.Backup)})
	n.want(t, "at the start", "backup of "+gw.Name+" 100")
	n.verdict = undecided
	n.inform([]vrrpnet.Status{inState(lan.Name, vrrp.Fault)})
	n.want(t, "before the first verdict")
	n.verdict = failed
	n.inform([]vrrpnet.Status{inState(lan.Name, vrrp.Fault)})
	n.want(t, "after it", "fault of both 0", "fault of lan 90")
	n.informOfRank(&gw, 90)
	n.want(t, "with less priority", "backup_priority of "+gw.Name+" 90")
	without := twoRouters(t)
	without.VRRP, without.SyncGroups = without.VRRP[1:], nil
	before := n.setup.Swap(newSetup(without))
	n.informOfReload(before)
	n.want(t, "after a reload", "deleted of gw 90", "deleted of both 0")
	n.informOfStop()
	n.want(t, "at the end", "stop of lan 90")
}

// After a reload states are told again by themselves, and no change is.
func TestUsersAreToldOfRoutersAgain(t *testing.T) {
	n := newNewsroom(t)
	var again []notify.Event
	n.news.repeat = func(states ...notify.Event) { again = append(again, states...) }
	n.inform([]vrrpnet.Status{inState("gw", vrrp.Master)})
	n.want(t, "at the start", "master of gw 100")
	n.informAgain(n.setup.Load())
	n.want(t, "after a reload")
	wantEvents(t, "after a reload", again, "master of gw 100")
	if len(again) == 1 && (again[0].At.IsZero() || again[0].Settled == nil) {
		t.Error("it is told of before the addresses are there")
	}
}

// The kernel is as a state says when it has all addresses of a router, or none.
func TestUsersAreToldWhenTheKernelIsSettled(t *testing.T) {
	n := newNewsroom(t)
	s := n.setup.Load()
	gw := s.routers[0]
	settled := func(kind notify.Kind) bool {
		return n.news.settled(s, notify.Event{Kind: kind, Subject: aboutRouter(gw.Name)})()
	}
	if settled(notify.Master) || !settled(notify.Backup) || !settled(notify.Stop) {
		t.Error("without addresses it is a master")
	}
	for _, v := range gw.VIPs {
		n.kernel[v] = true
	}
	if !settled(notify.Master) || settled(notify.Backup) || settled(notify.Fault) || settled(notify.Deleted) {
		t.Error("with all addresses it is none")
	}
	if n.news.settled(s, notify.Event{Kind: notify.MasterPriority, Subject: aboutRouter(gw.Name)}) != nil {
		t.Error("a priority has to do with addresses")
	}
	delete(n.kernel, gw.VIPs[0])
	if len(gw.VIPs) > 1 && (settled(notify.Master) || settled(notify.Backup)) {
		t.Error("with some addresses it is settled")
	}
}

// The addresses of a sync group are those of its members.
func TestAddressesOfASyncGroup(t *testing.T) {
	b := newBoard()
	for i := range b.setup.routers {
		v := &b.setup.routers[i]
		v.VIPs = make([]vip.VIP, i+1)
	}
	for about, want := range map[notify.Subject]int{aboutRouter("gw"): 1, aboutGroup("both"): 5, aboutRouter("none"): 0, aboutGroup("none"): 0} {
		if got := len(b.setup.vipsOf(about)); got != want {
			t.Errorf("%v has %d addresses, want %d", about, got, want)
		}
	}
}

// Ranks are told of as they are given.
func TestUsersAreToldOfRanks(t *testing.T) {
	r := newRanked(virtualRouter{VirtualRouter: config.VirtualRouter{Name: "gw", Priority: 100}, refs: []reference{{check: "c", weight: -10}}})
	var events []notify.Event
	r.news = routerNews{tell: func(list ...notify.Event) { events = append(events, list...) }, bulletin: newBulletin()}
	r.rank()
	r.inform([]vrrpnet.Status{inState("gw", vrrp.Backup)})
	r.state["c"] = verdict{state: failed}
	r.rank()
	r.rank()
	wantEvents(t, "in the end", events, "backup of gw 100", "backup_priority of gw 90")
}

// A fault is no news while another state follows at once: there is a verdict that the engine was
// not told of, or the engine has gone on since.
func TestFaultThatIsOverIsNoNews(t *testing.T) {
	r := newRanked(virtualRouter{VirtualRouter: config.VirtualRouter{Name: "gw", Priority: 100}, refs: []reference{{check: "c"}}})
	var events []notify.Event
	r.news = routerNews{tell: func(list ...notify.Event) { events = append(events, list...) }, bulletin: newBulletin()}
	now := inState("gw", vrrp.Fault)
	r.statuses = func() []vrrpnet.Status { return []vrrpnet.Status{now} }
	r.inform([]vrrpnet.Status{now})
	wantEvents(t, "without a verdict", events)
	r.state["c"] = verdict{state: passed}
	r.inform([]vrrpnet.Status{now})
	wantEvents(t, "before the verdict has reached the engine", events)
	r.rank()
	before := now
	now = inState("gw", vrrp.Backup)
	r.inform([]vrrpnet.Status{before})
	wantEvents(t, "of an engine that has gone on", events)
	r.inform([]vrrpnet.Status{now})
	wantEvents(t, "then", events, "backup of gw 100")
}

// A fault that lasts is told, whatever the checks say: of an interface, and of a sync group by
// that of one member.
func TestFaultThatLastsIsTold(t *testing.T) {
	n := newNewsroom(t)
	gw, lan := inState("gw", vrrp.Fault), inState("lan", vrrp.Fault)
	n.statuses = func() []vrrpnet.Status { return []vrrpnet.Status{gw, lan} }
	n.inform([]vrrpnet.Status{gw, lan})
	n.want(t, "with a check that has passed", "fault of both 0", "fault of gw 100", "fault of lan 90")
}

// News of what a reload takes away meanwhile would be told of after its deletion, and kept.
func TestSetupIsLookedUpInTurn(t *testing.T) {
	n := newNewsroom(t)
	of := func() *setup {
		if n.news.mu.TryLock() {
			n.news.mu.Unlock()
			t.Error("a reload may come between the setup and the news")
		}
		return n.setup.Load()
	}
	n.publish(of, func(_ *bulletin, s *setup) []notify.Event {
		if s == nil {
			t.Error("there is no setup")
		}
		return nil
	})
}
