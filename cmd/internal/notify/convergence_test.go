package notify

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	owner5   = Goal{State: Owner, Term: 5, Terms: true, VIPs: "198.18.0.100/24"}
	owner7   = Goal{State: Owner, Term: 7, Terms: true, VIPs: "198.18.0.100/24"}
	standby5 = Goal{State: Standby, Term: 5, Terms: true}
	nothing  = Goal{}
	master   = Goal{State: Owner, VIPs: "198.18.0.200/24"}
)

var errHook = errors.New("exit code 1")

// script drives a course, a second after the other.
type script struct {
	*course
	t   *testing.T
	now time.Time
}

func newScript(t *testing.T, every time.Duration) *script {
	return &script{&course{every: every}, t, webhookTime}
}

// follows wants an action for a goal, and takes it.
func (s *script) follows(g Goal, want action) {
	s.t.Helper()
	s.course.follow(s.now, g)
	got, _ := s.decide(s.now)
	if got != want {
		s.t.Fatalf("%s: action %d, want %d", g, got, want)
	}
	if got == begin {
		s.begun()
	}
}

func (s *script) in(d time.Duration) { s.now = s.now.Add(d) }

func TestConverges(t *testing.T) {
	s := newScript(t, 0)
	s.follows(owner5, begin)
	s.follows(owner5, pass)
	s.ended(s.now, nil)
	s.in(1000 * time.Hour)
	s.follows(owner5, pass)
	if s.state() != Converged {
		t.Error(s.state())
	}
}

func TestHookIsRunUntilItSucceeds(t *testing.T) {
	s := newScript(t, 0)
	s.follows(owner5, begin)
	var pauses []time.Duration
	for range 9 {
		s.ended(s.now, errHook)
		_, pause := s.decide(s.now)
		pauses = append(pauses, pause)
		s.in(pause - 1)
		s.follows(owner5, pass)
		s.in(1)
		s.follows(owner5, begin)
		if s.state() != Failing || s.err != "exit code 1" {
			t.Fatal(s.state(), s.err)
		}
	}
	const sec = time.Second
	if want := []time.Duration{sec, 2 * sec, 4 * sec, 8 * sec, 16 * sec, 32 * sec, 60 * sec, 60 * sec, 60 * sec}; !slices.Equal(pauses, want) {
		t.Errorf("pauses %v", pauses)
	}
	s.ended(s.now, nil)
	if s.state() != Converged || s.err != "" || s.failures != 0 {
		t.Error(s.state(), s.err, s.failures)
	}
}

// A run for another goal is ended before one for the new goal begins, and how it ends says
// nothing.
func TestStaleRunIsEndedFirst(t *testing.T) {
	for _, err := range []error{nil, errHook} {
		s := newScript(t, 0)
		s.follows(owner5, begin)
		s.follows(standby5, stop)
		s.follows(standby5, stop)
		s.ended(s.now, err)
		if s.state() != Running || s.failures != 0 {
			t.Error(s.state(), s.failures)
		}
		s.follows(standby5, begin)
	}
}

// What comes back is another goal: the run that was begun for it before is stale.
func TestGoalThatComesBackIsAnother(t *testing.T) {
	s := newScript(t, 0)
	s.follows(owner5, begin)
	s.follows(nothing, stop)
	s.follows(owner5, stop)
	s.ended(s.now, nil)
	s.follows(owner5, begin)
	s.ended(s.now, nil)
	s.follows(nothing, pass)
	if s.state() != Waiting {
		t.Error(s.state())
	}
	s.follows(owner5, begin)
}

// A hook that fails is not run again for a term that is over, and at once for a new one.
func TestNewTermIsAnotherGoal(t *testing.T) {
	s := newScript(t, 0)
	s.follows(owner5, begin)
	s.ended(s.now, errHook)
	s.follows(owner7, begin)
	if s.failures != 0 || s.goal != owner7 {
		t.Error(s.failures, s.goal)
	}
}

func TestDriftIsHealed(t *testing.T) {
	s := newScript(t, 5*time.Minute)
	s.follows(owner5, begin)
	s.ended(s.now, nil)
	at := s.since
	s.in(5*time.Minute - 1)
	s.follows(owner5, pass)
	s.in(1)
	s.follows(owner5, begin)
	if s.state() != Converged || s.since != at {
		t.Error(s.state(), s.since)
	}
	s.in(time.Second)
	s.ended(s.now, errHook)
	if s.state() != Failing || s.since != s.now {
		t.Error(s.state(), s.since)
	}
}

// A run that was not begun is begun at once when its goal is there again.
func TestRunThatWasNotBegunIsNoFailure(t *testing.T) {
	s := newScript(t, 0)
	s.follows(owner5, begin)
	s.ended(s.now, errStale)
	if s.failures != 0 {
		t.Error(s.failures)
	}
	s.follows(owner5, begin)
}

func TestAtTheEndHooksHurry(t *testing.T) {
	s := newScript(t, time.Minute)
	s.follows(standby5, begin)
	s.ended(s.now, errHook)
	s.hurry(s.now)
	s.follows(standby5, begin)
	s.ended(s.now, nil)
	s.in(time.Hour)
	s.follows(standby5, pass)

	s = newScript(t, time.Minute)
	s.follows(standby5, begin)
	s.ended(s.now, nil)
	s.hurry(s.now)
	s.in(time.Hour)
	s.follows(standby5, pass)
}

func TestWhatHooksAreTold(t *testing.T) {
	about := Subject{About: Cluster, Name: "edge"}
	if got := owner5.arguments(); !slices.Equal(got, []string{"owner", "5"}) {
		t.Errorf("%q", got)
	}
	want := []string{"PERCH_EVENT=converge", "PERCH_NODE=lb1", "PERCH_ABOUT=cluster", "PERCH_NAME=edge", "PERCH_STATE=owner", "PERCH_VIPS=198.18.0.100/24", "PERCH_TERM=5"}
	if got := owner5.variables("lb1", about); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := master.arguments(); !slices.Equal(got, []string{"owner"}) {
		t.Errorf("%q", got)
	}
	if got := master.variables("lb1", gw); len(got) != 6 {
		t.Errorf("%q", got)
	}
}

func TestLate(t *testing.T) {
	c := Convergence{Hook: "/bin/claim", Subject: Subject{Name: "edge"}, State: Failing, Goal: owner5, Since: webhookTime, Error: "exit code 1"}
	if got := c.Late(webhookTime.Add(lateAfter - 1)); got != "" {
		t.Error(got)
	}
	want := `converge hook /bin/claim has not brought about "owner 5" of edge for 1m0s: exit code 1`
	if got := c.Late(webhookTime.Add(lateAfter)); got != want {
		t.Error(got)
	}
	for _, state := range []string{Converged, Waiting} {
		c.State = state
		if got := c.Late(webhookTime.Add(time.Hour)); got != "" {
			t.Errorf("%s: %s", state, got)
		}
	}
}

// A hook is run with however many VIPs, if need be without their list.
func TestHookOfManyVIPs(t *testing.T) {
	for _, n := range []int{1000, 10000} {
		vips := strings.TrimSpace(strings.Repeat("2001:db8:1234:5678:9abc:def0:1234:5678/128 ", n))
		cmd := exec.Command("/bin/sh", "-c", `echo "${PERCH_VIPS-none}"`)
		cmd.Env = Goal{State: Owner, Terms: true, VIPs: vips}.variables("lb1", Subject{About: Cluster, Name: "edge"})
		out, err := cmd.Output()
		want := vips
		if n > 1000 {
			want = "none"
		}
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%d VIPs: %v, %.40s", n, err, out)
		}
	}
}
