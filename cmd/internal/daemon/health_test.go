package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
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
	s := succession{now: noon, self: is("lb1", sick, 100), peers: []peer{lb2}, preempt: true}
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
