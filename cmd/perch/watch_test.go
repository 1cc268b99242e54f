package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

var errAway = errors.New("no daemon answers")

// recorder is a display that notes what it was given.
type recorder struct {
	seen []string
	err  error
}

func (r *recorder) show(s api.Status) error {
	r.seen = append(r.seen, s.Node)
	return r.err
}

func (r *recorder) trouble(err error) error {
	r.seen = append(r.seen, err.Error())
	return r.err
}

// script answers with its entries in turn; an empty one is no answer.
func script(nodes ...string) func(context.Context) (api.Status, error) {
	return func(context.Context) (api.Status, error) {
		node := nodes[0]
		nodes = nodes[1:]
		if node == "" {
			return api.Status{}, errAway
		}
		return api.Status{Node: node}, nil
	}
}

func TestWatchAsksEverySecondUntilInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		d := &recorder{}
		if err := watch(ctx, time.Second, script("a", "", "b", "b", "c"), d); err != nil {
			t.Errorf("watch: %v", err)
		}
		if want := []string{"a", "no daemon answers", "b", "b"}; !slices.Equal(d.seen, want) {
			t.Errorf("shown %q, want %q", d.seen, want)
		}
	})
}

func TestWatchAsksAsOftenAsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		d := &recorder{}
		if err := watch(ctx, 5*time.Second, script("a", "b", "c"), d); err != nil {
			t.Errorf("watch: %v", err)
		}
		if want := []string{"a", "b"}; !slices.Equal(d.seen, want) {
			t.Errorf("shown %q, want %q", d.seen, want)
		}
	})
}

func TestInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5s": 5 * time.Second, "5": 5 * time.Second, "0.5": 500 * time.Millisecond, "100ms": 100 * time.Millisecond, "24h": 24 * time.Hour,
		"": 0, "0": 0, "-5": 0, "-5s": 0, "99ms": 0, "25h": 0, "yes": 0, "5 s": 0, "1e3": 0,
	} {
		var i interval
		if err := i.Set(text); (err != nil) != (want == 0) || time.Duration(i) != want {
			t.Errorf("Set(%q) = %v, %v, want %v", text, time.Duration(i), err, want)
		}
	}
}

func TestWatchFailsWithItsFirstAnswer(t *testing.T) {
	d := &recorder{}
	if err := watch(t.Context(), time.Second, script(""), d); !errors.Is(err, errAway) || len(d.seen) > 0 {
		t.Errorf("watch = %v after %q, want %v", err, d.seen, errAway)
	}
}

func TestWatchEndsWhenItCannotPrint(t *testing.T) {
	d := &recorder{err: errors.New("broken pipe")}
	if err := watch(t.Context(), time.Second, script("a", "b"), d); !errors.Is(err, d.err) {
		t.Errorf("watch = %v, want %v", err, d.err)
	}
}

// An interrupt while a daemon is slow to answer is no failure.
func TestWatchIsInterruptedWhileAsking(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ask := func(context.Context) (api.Status, error) {
		cancel()
		return api.Status{}, ctx.Err()
	}
	if err := watch(ctx, time.Second, ask, &recorder{}); err != nil {
		t.Errorf("watch = %v", err)
	}
}

func TestJournalPrintsChanges(t *testing.T) {
	var out, errOut strings.Builder
	d := &journal{out: &out, errOut: &errOut, output: formatJSON}
	one, two := api.Status{Node: "lb1", VIPs: []api.VIP{}, VRRP: []api.VirtualRouter{}, Warnings: []string{}}, healthy()
	one.Checks = []api.Check{{Name: "web", Looks: 7}}
	later := one
	later.Checks = []api.Check{{Name: "web", Looks: 8, Last: now}}
	for _, s := range []*api.Status{&one, &one, nil, nil, &later, &two, nil} {
		var err error
		if s == nil {
			err = d.trouble(errAway)
		} else {
			err = d.show(*s)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], `{"node":"lb1","version":"","vips":[],"vrrp":[],"checks":[{"name":"web",`) {
		t.Errorf("printed\n%s\nwant two lines", out.String())
	}
	if want := strings.Repeat("perch: no daemon answers\n", 2); errOut.String() != want {
		t.Errorf("complained\n%s\nwant\n%s", errOut.String(), want)
	}
}

func TestJournalDatesItsTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		d := &journal{out: &out, output: formatText}
		if err := d.show(api.Status{Node: "lb1"}); err != nil {
			t.Fatal(err)
		}
		want := "--- " + time.Now().Format(time.RFC3339) + "\nnode lb1   no cluster\n"
		if out.String() != want {
			t.Errorf("printed %q, want %q", out.String(), want)
		}
	})
}

func TestFrame(t *testing.T) {
	const end = "\x1b[K\n"
	tests := []struct {
		name, text string
		rows       int
		want       string
	}{
		{"fits", "a\nb\n", 3, "\x1b[Ha" + end + "b" + end + "\x1b[J"},
		{"too long", "a\nb\nc\n", 3, "\x1b[Ha" + end + "…" + end + "\x1b[J"},
		{"one row", "a\n", 1, "\x1b[Ha" + end + "\x1b[J"},
		{"unknown size", "a\nb\nc\n", 0, "\x1b[Ha" + end + "b" + end + "c" + end + "\x1b[J"},
	}
	for _, tt := range tests {
		if got := frame(tt.text, tt.rows); got != tt.want {
			t.Errorf("%s: frame is %q, want %q", tt.name, got, tt.want)
		}
	}
}
