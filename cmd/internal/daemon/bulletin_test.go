package daemon

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// board is a bulletin of the routers gw, inside and outside, of which the last two are a group.
type board struct {
	bulletin
	*setup
	waiting bool
}

func newBoard() *board {
	cfg := &config.Config{
		VRRP: []config.VirtualRouter{
			{Name: "gw", Priority: 100},
			{Name: "inside", Priority: 100},
			{Name: "outside", Priority: 100},
		},
		SyncGroups: []config.SyncGroup{{Name: "both", Members: []string{"inside", "outside"}}},
	}
	return &board{bulletin: newBulletin(), setup: newSetup(cfg)}
}

// inState returns the status of a router.
func inState(name string, state vrrp.State) vrrpnet.Status {
	s := vrrpnet.Status{Name: name, State: state, Priority: 100}
	if state == vrrp.Fault {
		s.Priority = 0
	}
	return s
}

func (b *board) heard(list ...vrrpnet.Status) []notify.Event {
	waiting := map[string]bool{}
	for _, s := range list {
		waiting[s.Name] = b.waiting
	}
	return b.hear(b.setup, list, waiting)
}

// wantEvents compares events in short.
func wantEvents(t *testing.T, when string, got []notify.Event, want ...string) {
	t.Helper()
	var said []string
	for _, e := range got {
		said = append(said, fmt.Sprintf("%s %d", e, e.Priority))
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// The order is that in which keepalived 2.2.7 wrote into its FIFO.
func TestBulletinOfASyncGroup(t *testing.T) {
	b := newBoard()
	wantEvents(t, "at the start", b.heard(inState("inside", vrrp.Backup), inState("outside", vrrp.Backup)),
		"backup of both 0", "backup of inside 100", "backup of outside 100")
	wantEvents(t, "with the first master", b.heard(inState("outside", vrrp.Master)), "master of outside 100")
	wantEvents(t, "with all", b.heard(inState("inside", vrrp.Master)), "master of inside 100", "master of both 0")
	wantEvents(t, "in fault", b.heard(inState("inside", vrrp.Fault), inState("outside", vrrp.Fault)),
		"fault of inside 100", "fault of outside 100", "fault of both 0")
	wantEvents(t, "well again", b.heard(inState("outside", vrrp.Backup), inState("inside", vrrp.Backup)),
		"backup of outside 100", "backup of inside 100", "backup of both 0")
	wantEvents(t, "at the end", b.stop(b.setup), "stop of inside 100", "stop of outside 100", "stop of both 0")
	wantEvents(t, "after it", b.heard(inState("inside", vrrp.Backup)))
	wantEvents(t, "after it", b.stop(b.setup))
	wantEvents(t, "after it", b.rank("inside", 90))
}

// What was told of is told again, with the sync groups first, but not what a reload has added.
func TestBulletinTellsAgain(t *testing.T) {
	b := newBoard()
	wantEvents(t, "before the begin", b.again(b.setup, b.setup))
	b.heard(inState("outside", vrrp.Master), inState("gw", vrrp.Fault), inState("inside", vrrp.Backup))
	b.rank("outside", 110)
	wantEvents(t, "all", b.again(b.setup, b.setup), "backup of both 0", "fault of gw 100", "backup of inside 100", "master of outside 110")
	fewer := newSetup(&config.Config{VRRP: []config.VirtualRouter{{Name: "gw"}, {Name: "other"}}})
	wantEvents(t, "with what is added", b.again(fewer, b.setup), "fault of gw 100")
	wantEvents(t, "without what has gone", b.again(b.setup, fewer), "fault of gw 100")
	wantEvents(t, "the same", b.heard(inState("gw", vrrp.Fault), inState("outside", vrrp.Master)))
	b.stop(b.setup)
	wantEvents(t, "after the end", b.again(b.setup, b.setup))
}

// A sync group of which not all is known is nothing yet.
func TestBulletinOfAGroupThatBegins(t *testing.T) {
	b := newBoard()
	wantEvents(t, "with one", b.heard(inState("inside", vrrp.Backup)), "backup of inside 100")
	wantEvents(t, "with both", b.heard(inState("outside", vrrp.Backup)), "backup of both 0", "backup of outside 100")
}

func TestBulletinSaysWhatIsNews(t *testing.T) {
	b := newBoard()
	wantEvents(t, "not begun", b.heard(inState("gw", vrrp.Init)))
	wantEvents(t, "begun", b.heard(inState("gw", vrrp.Backup)), "backup of gw 100")
	wantEvents(t, "the same", b.heard(inState("gw", vrrp.Backup), inState("stranger", vrrp.Master)))
	wantEvents(t, "moments", b.heard(inState("gw", vrrp.Fault), inState("gw", vrrp.Backup), inState("gw", vrrp.Master)),
		"fault of gw 100", "backup of gw 100", "master of gw 100")
	again := inState("gw", vrrp.Master)
	again.Announces = 3
	wantEvents(t, "a weaker master", b.heard(again), "master_rx_lower_pri of gw 100")
	wantEvents(t, "no more of it", b.heard(again))
}

func TestBulletinOfPriorities(t *testing.T) {
	b := newBoard()
	wantEvents(t, "before the begin", b.rank("gw", 90))
	b.heard(inState("gw", vrrp.Backup))
	wantEvents(t, "as it is", b.rank("gw", 100))
	wantEvents(t, "backup", b.rank("gw", 90), "backup_priority of gw 90")
	less := inState("gw", vrrp.Master)
	less.Priority = 90
	wantEvents(t, "master", b.heard(less), "master of gw 90")
	wantEvents(t, "master with another", b.rank("gw", 110), "master_priority of gw 110")
	wantEvents(t, "fault", b.heard(inState("gw", vrrp.Fault)), "fault of gw 110")
	wantEvents(t, "in fault", b.rank("gw", 120))
	wantEvents(t, "at the end", b.stop(b.setup), "stop of gw 120")
}

// One that cannot serve yet, since no check has a verdict, has not begun.
func TestBulletinWaitsForVerdicts(t *testing.T) {
	b := newBoard()
	b.waiting = true
	wantEvents(t, "waiting", b.heard(inState("gw", vrrp.Fault)))
	b.waiting = false
	wantEvents(t, "sick", b.heard(inState("gw", vrrp.Fault)), "fault of gw 100")
	b.waiting = true
	b.heard(inState("gw", vrrp.Backup))
	wantEvents(t, "sick again", b.heard(inState("gw", vrrp.Fault)), "fault of gw 100")
}

func TestBulletinOfAReload(t *testing.T) {
	b := newBoard()
	b.heard(inState("gw", vrrp.Master), inState("inside", vrrp.Backup), inState("outside", vrrp.Backup))
	less := newSetup(&config.Config{VRRP: []config.VirtualRouter{{Name: "inside"}}})
	wantEvents(t, "with less", b.trim(b.setup, less), "deleted of gw 100", "deleted of outside 100", "deleted of both 0")
	wantEvents(t, "once more", b.trim(b.setup, less))
	wantEvents(t, "with all again", b.heard(inState("gw", vrrp.Backup), inState("outside", vrrp.Backup)),
		"backup of both 0", "backup of gw 100", "backup of outside 100")
}
