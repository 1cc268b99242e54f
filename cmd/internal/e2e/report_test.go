package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// report gathers the outcomes of a chaos run, by the kind of fault and whom it hit.
type report struct {
	seed    uint64
	began   time.Time
	count   int
	figures map[string]figure
	moves   map[string]int
	twice   map[string]time.Duration
	asked   int
	frames  int
	pause   time.Duration
	dropped int
}

func newReport(seed uint64) *report {
	return &report{seed: seed, began: time.Now(), figures: map[string]figure{}, moves: map[string]int{}, twice: map[string]time.Duration{}}
}

func (r *report) add(o outcome) {
	kind := "two faults at once"
	if len(o.mishaps) == 1 {
		kind = o.mishaps[0].name + " | " + o.mishaps[0].role
	} else {
		kind += " | two nodes"
	}
	f := r.figures[kind]
	f.samples = append(f.samples, o.outage)
	r.figures[kind] = f
	r.twice[kind] += o.twice()
	if o.moved {
		r.moves[kind]++
	}
	r.count++
	r.asked += o.Asked
	r.frames += len(o.Sightings)
	r.pause = max(r.pause, o.Pause)
	r.dropped += o.Dropped
}

// String renders the figures as Markdown.
func (r *report) String() string {
	var b strings.Builder
	var sum time.Duration
	for _, twice := range r.twice {
		sum += twice
	}
	fmt.Fprintf(&b, "%d faults in %s, seed %d. Two nodes answered for %s ms.\n", r.count, time.Since(r.began).Round(time.Second), r.seed, ms(sum))
	fmt.Fprintf(&b, "The observer asked %d times (longest pause %s ms) and judged %d frames; %d were lost to it.\n\n", r.asked, ms(r.pause), r.frames, r.dropped)
	b.WriteString("| fault | of | count | VIPs moved | median outage ms | p99 ms | longest ms | ms in which two answered |\n|---|---|---|---|---|---|---|---|\n")
	kinds := make([]string, 0, len(r.figures))
	for kind := range r.figures {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		f := r.figures[kind]
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %s | %s | %s |\n", kind, len(f.samples), r.moves[kind], ms(f.quantile(0.5)), ms(f.quantile(0.99)), ms(f.quantile(1)), ms(r.twice[kind]))
	}
	return b.String()
}

const chaosBegin = "<!-- figures of make chaos -->\n"

func (r *report) record(path, machine string) error {
	commit, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return fmt.Errorf("find the commit: %w", err)
	}
	head := fmt.Sprintf("Run on %s, commit %s: %s.\n\n", r.began.UTC().Format(time.DateOnly), strings.TrimSpace(string(commit)), machine)
	return record(path, chaosBegin, head+r.String())
}

func TestReport(t *testing.T) {
	r := newReport(7)
	r.add(outcome{mishaps: []mishap{{fault: fault{name: "link cut"}, role: "owner"}}, moved: true, outage: 20 * time.Millisecond})
	r.add(outcome{mishaps: make([]mishap, 2), outage: 1500 * time.Microsecond})
	text := r.String()
	for _, want := range []string{
		"2 faults in 0s, seed 7. Two nodes answered for 0.0 ms.",
		"| link cut | owner | 1 | 1 | 20.0 | 20.0 | 20.0 | 0.0 |",
		"| two faults at once | two nodes | 1 | 0 | 1.5 | 1.5 | 1.5 | 0.0 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}
