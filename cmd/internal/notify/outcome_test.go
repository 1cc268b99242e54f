package notify

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Of each event it is told once what has become of it, and counted how often it was tried.
func TestOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		var mu sync.Mutex
		var got []Outcome
		s.OnOutcome(func(o Outcome) {
			mu.Lock()
			defer mu.Unlock()
			o.At = time.Time{}
			got = append(got, o)
		})
		s.run(t)
		d, e := s.dead(10*time.Second, Master, Backup)
		d.takes = time.Second
		s.Set([]Entry{e})
		s.Tell(of(Master, gw))
		time.Sleep(time.Minute)
		s.Tell(of(Backup, gw), of(Master, gw)) // the first is over before it is told
		time.Sleep(time.Minute)
		s.hall.mu.Lock()
		d.until, d.fails = time.Hour, errForGood
		s.hall.mu.Unlock()
		s.Tell(of(Backup, gw))
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		want := []Outcome{
			{Target: "mail", Event: "master of VI_1", Result: Told, Attempts: 3, Took: time.Second},
			{Target: "mail", Event: "backup of VI_1", Result: Dropped},
			{Target: "mail", Event: "master of VI_1", Result: Told, Attempts: 1, Took: time.Second},
			{Target: "mail", Event: "backup of VI_1", Result: Failed, Error: "for good", Attempts: 1, Took: time.Second},
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
		if tally := s.Tallies()[0]; tally.Retries != 2 || tally.Took != time.Second || tally.Told != 2 || tally.Failed != 1 || tally.Void != 1 {
			t.Errorf("%+v", tally)
		}
	})
}

// What is overtaken while it is tried is dropped.
func TestOutcomeOfWhatIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		var got []Result
		s.OnOutcome(func(o Outcome) { got = append(got, o.Result) })
		s.run(t)
		d, e := s.dead(time.Hour, Master)
		d.takes = 10 * time.Second
		s.Set([]Entry{e})
		s.Tell(of(Master, gw))
		time.Sleep(time.Second)
		s.Tell(of(Backup, gw))
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(got, []Result{Dropped}) {
			t.Errorf("%q", got)
		}
	})
}

// Each target has another name, by which its figures can be told apart.
func TestTalliesHaveNamesOfTheirOwn(t *testing.T) {
	s := newStage()
	a, b, c := s.entry("a", 0, Master), s.entry("b", 0, Master), s.entry("c", 0, Master)
	a.Name, b.Name, c.Name = "/bin/tell", "/bin/tell", "/bin/other"
	s.Set([]Entry{a, b, c})
	var names []string
	for _, t := range s.Tallies() {
		names = append(names, t.Name)
	}
	if want := []string{"/bin/tell", "/bin/tell (2)", "/bin/other"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}
