package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// A node behind a fence that does not hold gives back what it gets: it says that it is
// sick, so that a sick owner does not hand over to it time and again.
func TestBehindABrokenFenceNobodyIsWell(t *testing.T) {
	good := fitness{health: well, priority: 90}
	if got := behindFence(good, nil); got.health != well {
		t.Errorf("%+v, and its fence holds", got)
	}
	report := healthOf(behindFence(good, errors.New("the program is gone")))
	if want := []string{"its fence does not hold: the program is gone"}; report.Priority != 90 || !slices.Equal(report.Reasons, want) {
		t.Errorf("%+v, want %q", report, want)
	}
	lb2 := peer{name: "lb2", able: true, fitness: fitnessOf(report)}
	s := succession{now: noon, self: is("lb1", sick, 100), peers: []peer{lb2}, preempt: true, holding: true}
	if c := s.course(); c.action != stay {
		t.Errorf("lb1 is sick: %+v", c)
	}
	s.self.health, s.self.priority = well, 50
	if c := s.course(); c.action != stay {
		t.Errorf("lb2 has a higher priority: %+v", c)
	}
}

// Whatever the reasons of many checks are, a peer takes the report.
func TestHealthReportFitsIntoARequest(t *testing.T) {
	f := fitness{health: sick, priority: 1}
	for i := range 1000 {
		f.reasons = append(f.reasons, fmt.Sprint(i)+strings.Repeat("<\x01", 2000))
	}
	body, err := json.Marshal(api.HealthReport{Node: strings.Repeat("n", 255), Health: healthOf(f)})
	if err != nil || len(body) > 16<<10 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

func TestPossibleHealth(t *testing.T) {
	for _, state := range []string{api.HealthHealthy, api.HealthSick, api.HealthUnknown, "", "well"} {
		for priority, in := range map[int]bool{-1: false, 0: false, 1: true, 254: true, 255: false} {
			want := in && state != "" && state != "well"
			if possible(api.Health{State: state, Priority: priority}) != want {
				t.Errorf("%q with priority %d is possible: %v", state, priority, !want)
			}
		}
	}
}

// Those that have told nothing are of unknown health: nothing is handed over to them.
func TestPeersOfARoster(t *testing.T) {
	told := newHearsay()
	told.note("lb3", api.Health{State: api.HealthHealthy, Priority: 70})
	roster := []config.Peer{{Name: "lb1", Priority: 100}, {Name: "lb2", Priority: 90}, {Name: "lb3", Priority: 80}, {Name: "w", Witness: true}}
	got := peersOf(roster, "lb1", []string{"lb2"}, told)
	for i := range got {
		got[i].age = 0
	}
	want := []peer{
		{name: "lb2", able: true, fitness: fitness{health: unsure, priority: 90}},
		{name: "lb3", fitness: fitness{health: well, priority: 70}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
