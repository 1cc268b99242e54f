package vip

import (
	"slices"
	"testing"
	"time"
)

var rivalStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestContested: which frames claim a VIP for somebody else.
func TestContested(t *testing.T) {
	eth0 := ethernetLink(2, "eth0")
	tests := []struct {
		name   string
		held   bool
		mac    hwAddr
		answer bool
		after  time.Duration // since it was taken
		want   bool
	}{
		{"another host", true, rivalMAC, false, time.Hour, true},
		{"not held", false, rivalMAC, false, time.Hour, false},
		{"our own MAC", true, eth0.mac, false, time.Hour, false},
		{"the last owner, maybe", true, rivalMAC, false, rivalGrace - 1, false},
		{"no late frame any more", true, rivalMAC, false, rivalGrace, true},
		{"answer to our question", true, rivalMAC, true, time.Millisecond, true},
		{"our own answer to our question", true, eth0.mac, true, time.Millisecond, false},
		{"answer, no longer held", false, rivalMAC, true, time.Millisecond, false},
	}
	for _, test := range tests {
		e := entry{held: test.held, since: rivalStart}
		a := assertion{addr: test4, mac: test.mac, answer: test.answer}
		if got := e.contested(a, eth0, rivalStart.Add(test.after)); got != test.want {
			t.Errorf("%s: contested is %t, want %t", test.name, got, test.want)
		}
	}
}

// defences are the times at which a contest is answered whose rival claims the VIP
// at these times, all in seconds.
func defences(claims []float64) []float64 {
	var c contest
	var times []float64
	at := func(seconds float64) time.Time {
		return rivalStart.Add(time.Duration(seconds * float64(time.Second)))
	}
	var due time.Time
	defend := func(until time.Time) {
		if !due.IsZero() && !due.After(until) {
			c.Defended(due)
			times = append(times, due.Sub(rivalStart).Seconds())
			due = time.Time{}
		}
	}
	for _, claim := range claims {
		defend(at(claim))
		due = c.Heard(rivalMAC, 1, at(claim))
		defend(at(claim))
	}
	defend(due)
	return times
}

// TestDefences: RFC 5227 section 2.4, at once at first, and never a storm.
func TestDefences(t *testing.T) {
	every := func(step, until float64) (list []float64) {
		for at := 0.0; at < until; at += step {
			list = append(list, at)
		}
		return list
	}
	tests := []struct {
		name   string
		claims []float64
		want   []float64
	}{
		{"one", []float64{0}, []float64{0}},
		{"two at once: the second is answered later", []float64{0, 0.001}, []float64{0, 1}},
		{"again and again", every(0.01, 60), []float64{0, 1, 3, 7, 15, 25, 35, 45, 55, 65}},
		{"slowly", every(20, 60), []float64{0, 20, 40}},
		{"calm in between", append(every(0.01, 8), 38.1, 38.2), []float64{0, 1, 3, 7, 15, 38.1, 39.1}},
	}
	for _, test := range tests {
		if got := defences(test.claims); !slices.Equal(got, test.want) {
			t.Errorf("%s: defended at %v, want %v", test.name, got, test.want)
		}
	}
}

// TestTell: a rival is named once a minute, however many there are.
func TestTell(t *testing.T) {
	var c contest
	other := hwAddr{2, 0, 0, 0, 0, 7}
	steps := []struct {
		mac  hwAddr
		at   time.Duration
		want bool
	}{
		{rivalMAC, 0, true},
		{rivalMAC, time.Second, false},
		{other, 2 * time.Second, true},
		{rivalMAC, tellEvery - 1, false},
		{rivalMAC, tellEvery, true},
		{other, tellEvery + time.Second, false},
		{other, tellEvery + 2*time.Second, true},
	}
	for _, step := range steps {
		if got := c.Tell(step.mac, rivalStart.Add(step.at)); got != step.want {
			t.Errorf("%s after %v: told is %t, want %t", step.mac, step.at, got, step.want)
		}
	}
	told := 0
	for i := range 100 {
		if c.Tell(hwAddr{2, 1, 0, 0, 0, byte(i)}, rivalStart.Add(10*tellEvery)) {
			told++
		}
	}
	if told != rivalsTold || len(c.told) != rivalsTold {
		t.Errorf("%d of 100 rivals told at once, %d remembered, want %d", told, len(c.told), rivalsTold)
	}
}

// TestOngoing: a conflict is over when nothing was heard for a while, or when the
// VIP went and came back.
func TestOngoing(t *testing.T) {
	var c contest
	if c.Ongoing(rivalStart, rivalStart) {
		t.Error("ongoing before it began")
	}
	c.Heard(rivalMAC, 2, rivalStart.Add(time.Minute))
	for after, want := range map[time.Duration]bool{time.Minute: true, 90*time.Second - 1: true, 90 * time.Second: false} {
		if got := c.Ongoing(rivalStart, rivalStart.Add(after)); got != want {
			t.Errorf("after %v: ongoing is %t, want %t", after, got, want)
		}
	}
	if c.Ongoing(rivalStart.Add(61*time.Second), rivalStart.Add(62*time.Second)) {
		t.Error("ongoing although the VIP was taken anew")
	}
}

func TestNextQuestion(t *testing.T) {
	tests := []struct {
		name  string
		now   time.Duration // since it was taken
		heard time.Duration // when a rival was heard, 0 for never
		want  time.Duration
	}{
		{"just taken", 0, 0, askAgain},
		{"asked again", askAgain, 0, askAgain + askEvery},
		{"later", time.Hour, 0, time.Hour + askEvery},
		{"while there is a conflict", time.Hour, time.Hour - time.Second, time.Hour + defendMax},
		{"after it", time.Hour, time.Hour - rivalCalm, time.Hour + askEvery},
	}
	for _, test := range tests {
		e := entry{held: true, since: rivalStart}
		if test.heard > 0 {
			e.contest.Heard(rivalMAC, 1, rivalStart.Add(test.heard))
		}
		if got := e.nextQuestion(rivalStart.Add(test.now)).Sub(rivalStart); got != test.want {
			t.Errorf("%s: next asked at %v, want %v", test.name, got, test.want)
		}
	}
}

func TestConflictStatus(t *testing.T) {
	e := entry{held: true, since: rivalStart}
	if got := e.conflict(rivalStart); got != (Conflict{}) {
		t.Errorf("without a conflict it is %+v", got)
	}
	at := rivalStart.Add(time.Minute)
	e.contest.Heard(rivalMAC, 3, at)
	want := Conflict{MAC: "02:00:00:00:00:66", Count: 3, Last: at, Ongoing: true}
	if got := e.conflict(at); got != want {
		t.Errorf("it is %+v, want %+v", got, want)
	}
	e.held = false
	want.Ongoing = false
	if got := e.conflict(at); got != want {
		t.Errorf("after the release it is %+v, want %+v", got, want)
	}
}
