package fence

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeLease notes what it is told, and answers late or not at all.
type fakeLease struct {
	did   []string
	slow  []time.Duration // how long the next answers take
	wrong error           // the answer to open
}

func (f *fakeLease) open(timeout time.Duration) error {
	f.did = append(f.did, fmt.Sprintf("open %t", timeout > 0))
	if len(f.slow) > 0 {
		time.Sleep(f.slow[0])
		f.slow = f.slow[1:]
	}
	return f.wrong
}

func (f *fakeLease) shut() error { f.did = append(f.did, "shut"); return nil }

func (f *fakeLease) close() error { return nil }

func (f *fakeLease) check(t *testing.T, want string) {
	t.Helper()
	if diff := cmp.Diff(want, strings.Join(f.did, ", ")); diff != "" {
		t.Error(diff)
	}
	f.did = nil
}

func TestLeaseGoesForward(t *testing.T) {
	kernel := &fakeLease{}
	n := &nftFence{lease: kernel, tick: time.Millisecond}
	until := boottime() + time.Hour
	for _, step := range []struct {
		until time.Duration
		did   string
	}{
		{until, "open true"},
		{until, ""},
		{until - time.Minute, ""},
		{until + 1, "open true"},
		{0, "shut"},
		{until, "open true"},
		{0, "shut"},
		{boottime() - time.Second, ""},
		{boottime() + 4*time.Millisecond, ""},
	} {
		if err := n.Set(step.until); err != nil {
			t.Fatal(err)
		}
		kernel.check(t, step.did)
	}
}

// TestLeaseSentLate has the kernel take longer than the lease allows for: what
// follows allows for more, but not for ever.
func TestLeaseSentLate(t *testing.T) {
	kernel := &fakeLease{slow: []time.Duration{5 * time.Millisecond}}
	n := &nftFence{lease: kernel, tick: time.Millisecond}
	if err := n.Set(boottime() + time.Minute); err != nil {
		t.Fatal(err)
	}
	kernel.check(t, "open true, open true")

	kernel.slow = []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond}
	if err := n.Set(boottime() + time.Hour); !errors.Is(err, errLate) {
		t.Fatal(err)
	}
	kernel.check(t, "open true, open true, open true, shut")

	kernel.slow = []time.Duration{200 * time.Millisecond}
	if err := n.Set(boottime() + 100*time.Millisecond); !errors.Is(err, errLate) {
		t.Fatal(err)
	}
	kernel.check(t, "open true, shut")
}

func TestLeaseRefused(t *testing.T) {
	refusal := errors.New("no")
	kernel := &fakeLease{wrong: refusal}
	n := &nftFence{lease: kernel, tick: time.Millisecond}
	if err := n.Set(boottime() + time.Hour); !errors.Is(err, refusal) {
		t.Fatal(err)
	}
	kernel.check(t, "open true, shut")
	kernel.wrong = nil
	if err := n.Set(boottime() + time.Minute); err != nil {
		t.Fatal(err)
	}
	kernel.check(t, "open true")
}

// TestLeaseRenewed puts the lease back, whatever others have put in its place.
func TestLeaseRenewed(t *testing.T) {
	kernel := &fakeLease{}
	n := &nftFence{lease: kernel, tick: time.Millisecond}
	for _, step := range []struct {
		until time.Duration
		did   string
	}{
		{0, "shut"},
		{boottime() + time.Hour, "open true"},
		{boottime() - time.Second, "shut"},
	} {
		n.until = step.until
		if err := n.renew(); err != nil {
			t.Fatal(err)
		}
		kernel.check(t, step.did)
	}
}
