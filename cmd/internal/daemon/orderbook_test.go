package daemon

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster/state"
)

func wantOf(want state.Want) state.Server {
	return state.Server{Service: "web", Server: "10.0.0.11:80", Want: want, Weight: 7}
}

// openedBook returns the book of a folder, and what was logged.
func openedBook(dir string) (*orderBook, string) {
	var log bytes.Buffer
	b := openOrderBook(dir, slog.New(slog.NewTextHandler(&log, nil)))
	return b, log.String()
}

func TestOrderBookSurvivesARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	b, log := openedBook(dir)
	if len(b.orders()) > 0 || log != "" {
		t.Errorf("a new book has %v, and the log says %s", b.orders(), log)
	}
	for _, want := range []state.Want{state.WantDrain, state.WantWeight} {
		before := b.orders()
		if err := b.give(wantOf(want)); err != nil {
			t.Fatal(err)
		}
		if cmp.Equal(before, b.orders()) {
			t.Error("what was read before has changed, or nothing has")
		}
	}
	if len(b.given) != 1 {
		t.Error("no signal")
	}
	want := state.Orders{"web": {"10.0.0.11:80": {Drain: true, Weight: new(uint32(7))}}}
	again, log := openedBook(dir)
	if diff := cmp.Diff(want, again.orders()); diff != "" || log != "" {
		t.Errorf("-want +got:\n%s%s", diff, log)
	}
	for _, want := range []state.Want{state.WantUndrain, state.WantDefault} {
		if err := again.give(wantOf(want)); err != nil {
			t.Fatal(err)
		}
	}
	if last, _ := openedBook(dir); len(last.orders()) > 0 {
		t.Errorf("taken back, and %v stands", last.orders())
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v is left (%v)", files, err)
	}
}

// An order that cannot be written does not stand, so that none is lost at a restart.
func TestOrderBookThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	b, _ := openedBook(dir)
	if err := b.give(wantOf(state.WantDrain)); err != nil {
		t.Fatal(err)
	}
	<-b.given
	if err := os.MkdirAll(b.path+".new/in the way", 0o700); err != nil {
		t.Fatal(err)
	}
	err := b.give(wantOf(state.WantUndrain))
	if err == nil || !strings.HasPrefix(err.Error(), "write orders: ") {
		t.Errorf("error %v", err)
	}
	want := state.Orders{"web": {"10.0.0.11:80": {Drain: true}}}
	again, _ := openedBook(dir)
	if !cmp.Equal(want, b.orders()) || !cmp.Equal(want, again.orders()) || len(b.given) > 0 {
		t.Errorf("%v stands, and after a restart %v", b.orders(), again.orders())
	}
	if err := b.give(state.Server{Service: "web", Want: state.WantDrain}); !errors.Is(err, state.ErrBadOrder) {
		t.Errorf("an order for nobody: %v", err)
	}
}

// What cannot take the book's place, as on a full disk, takes no room either.
func TestOrderBookLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	b, _ := openedBook(dir)
	if err := os.MkdirAll(filepath.Join(b.path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := b.give(wantOf(state.WantDrain)); err == nil || len(b.orders()) > 0 {
		t.Errorf("error %v, and %v stands", err, b.orders())
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v is left (%v)", files, err)
	}
}

func TestOrderBookOfNoUseIsSetAside(t *testing.T) {
	for _, content := range []string{"", "{", "null", `{"servers":{"web":{"a":{"weight":-1}}}}`} {
		dir := t.TempDir()
		path := filepath.Join(dir, orderBookFile)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		b, log := openedBook(dir)
		if len(b.orders()) > 0 || !strings.Contains(log, "orders for real servers are lost") {
			t.Errorf("%q: %v stands, and the log says %s", content, b.orders(), log)
		}
		if kept, err := os.ReadFile(path + ".corrupt"); err != nil || string(kept) != content {
			t.Errorf("%q: kept is %q (%v)", content, kept, err)
		}
		if err := b.give(wantOf(state.WantDrain)); err != nil {
			t.Error(err)
		}
		if again, log := openedBook(dir); len(again.orders()) != 1 || log != "" {
			t.Errorf("%q: then %v stands, and the log says %s", content, again.orders(), log)
		}
	}
}
