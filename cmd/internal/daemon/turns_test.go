package daemon

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTurns(t *testing.T) {
	dir := t.TempDir()
	write := func(id, accounts, stat string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, id), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"schedstat": accounts, "stat": stat} {
			if err := os.WriteFile(filepath.Join(dir, id, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("7", "100 20 3\n", "7 (per) R) S 1 7\n")
	write("8", "100 20 3\n", "8 (perch) D 1 7\n")
	write("9", "100 20 3\n", "9 (perch) R 1 7\n")
	write("10", "what\n", "")
	want := map[string]turn{"7": {100, 20, false}, "8": {100, 20, true}, "9": {100, 20, true}}
	if got := readTurns(dir); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	all := turns{dir: dir}
	if got := all.waited(time.Second); got != 0 {
		t.Errorf("at the first look one has waited for %s", got)
	}
	if got := all.waited(time.Second); got != time.Second {
		t.Errorf("one that waits has waited for %s", got)
	}
	all.forget()
	if got := all.waited(time.Second); got != 0 {
		t.Errorf("at the next first look one has waited for %s", got)
	}
}

// This kernel says how the threads of this process get on.
func TestOwnTurns(t *testing.T) {
	if all := readTurns(ownThreads); len(all) == 0 {
		t.Errorf("no thread is in %s", ownThreads)
	}
}
