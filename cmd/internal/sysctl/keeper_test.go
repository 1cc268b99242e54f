package sysctl

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree is a folder like /proc/sys, and the file of a keeper.
type tree struct {
	t    *testing.T
	root string
	file string
}

func newTree(t *testing.T, values map[string]int) *tree {
	t.Helper()
	dir := t.TempDir()
	f := &tree{t: t, root: filepath.Join(dir, "sys"), file: filepath.Join(dir, "data", "sysctls.json")}
	f.text("kernel/random/boot_id", "first\n")
	for name, value := range values {
		f.set(name, value)
	}
	return f
}

func (f *tree) text(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *tree) set(name string, value int) {
	f.t.Helper()
	f.text(name, strconv.Itoa(value)+"\n")
}

// keeper is a new process.
func (f *tree) keeper() *Keeper { return newKeeper(f.root, f.file, slog.New(slog.DiscardHandler)) }

func (f *tree) is(name string, want int) {
	f.t.Helper()
	if got, err := Read(f.root, name); err != nil || got != want {
		f.t.Errorf("%s is %d (%v), want %d", name, got, err, want)
	}
}

func (f *tree) leftFile(want bool) {
	f.t.Helper()
	if _, err := os.Stat(f.file); err == nil != want {
		f.t.Errorf("record: %v, want it there: %v", err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	nodest   = "net/ipv4/vs/expire_nodest_conn"
	announce = "net/ipv4/conf/all/arp_announce"
)

func TestKeeperSetsAndPutsBack(t *testing.T) {
	f := newTree(t, map[string]int{nodest: 0, announce: 1, forward4: 1})
	k := f.keeper()
	must(t, k.Set([]Setting{{nodest, 1}, {announce, 2}, {forward4, 1}}))
	f.is(nodest, 1)
	f.is(announce, 2)
	must(t, k.Set([]Setting{{nodest, 1}, {announce, 2}, {forward4, 1}}))
	must(t, k.Restore())
	f.is(nodest, 0)
	f.is(announce, 1)
	f.is(forward4, 1)
	f.leftFile(false)
}

func TestKeeperPutsBackWhatIsWantedNoMore(t *testing.T) {
	f := newTree(t, map[string]int{nodest: 0, announce: 1})
	k := f.keeper()
	must(t, k.Set([]Setting{{nodest, 1}, {announce, 2}}))
	must(t, k.Set([]Setting{{announce, 2}}))
	f.is(nodest, 0)
	f.is(announce, 2)
	f.leftFile(true)
}

func TestKeeperPutsBackInReverse(t *testing.T) {
	f := newTree(t, map[string]int{nodest: 0, announce: 0})
	var log strings.Builder
	k := newKeeper(f.root, f.file, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, k.Set([]Setting{{nodest, 1}, {announce, 2}}))
	must(t, k.Restore())
	_, back, _ := strings.Cut(log.String(), "put back")
	if !strings.Contains(back, "put back") || strings.Index(back, "arp_announce") > strings.Index(back, "expire_nodest") {
		t.Errorf("in this order:\n%s", &log)
	}
}

// What is right is left alone: also what is more than wanted.
func TestKeeperDoesNotTouchWhatIsRight(t *testing.T) {
	f := newTree(t, map[string]int{announce: 2, forward4: 1})
	for _, name := range []string{announce, forward4} {
		must(t, os.Chmod(filepath.Join(f.root, name), 0o444))
	}
	k := f.keeper()
	must(t, k.Set([]Setting{{announce, 1}, {forward4, 1}}))
	f.leftFile(false)
	f.set(announce, 0) // the operator's
	f.set(forward4, 0)
	must(t, k.Restore())
	f.is(announce, 0)
	f.is(forward4, 0)
}

func TestKeeperAfterSIGKILL(t *testing.T) {
	want := []Setting{{nodest, 1}, {announce, 2}}
	t.Run("needed no more", func(t *testing.T) {
		f := newTree(t, map[string]int{nodest: 0, announce: 0})
		must(t, f.keeper().Set(want))
		must(t, f.keeper().Set([]Setting{{announce, 2}}))
		f.is(nodest, 0)
		f.is(announce, 2)
	})
	t.Run("needed", func(t *testing.T) {
		f := newTree(t, map[string]int{nodest: 0, announce: 0})
		must(t, f.keeper().Set(want))
		k := f.keeper()
		must(t, k.Set(want))
		must(t, k.Restore())
		f.is(nodest, 0)
		f.is(announce, 0)
		f.leftFile(false)
	})
	t.Run("before the change", func(t *testing.T) {
		f := newTree(t, map[string]int{nodest: 0, announce: 0})
		must(t, f.keeper().Set(want))
		f.set(nodest, 0)
		f.set(announce, 0)
		k := f.keeper()
		must(t, k.Set([]Setting{{announce, 2}}))
		f.is(nodest, 0)
		f.is(announce, 2)
		must(t, k.Restore())
		f.is(announce, 0)
	})
}

// A record of an earlier boot is of values that are gone: what is there now is others'.
func TestKeeperAfterReboot(t *testing.T) {
	f := newTree(t, map[string]int{nodest: 0})
	must(t, f.keeper().Set([]Setting{{nodest, 1}}))
	f.text("kernel/random/boot_id", "second\n")
	must(t, f.keeper().Restore())
	f.is(nodest, 1)
}

func TestKeeperLeavesWhatOthersChanged(t *testing.T) {
	f := newTree(t, map[string]int{announce: 0, nodest: 0})
	k := f.keeper()
	must(t, k.Set([]Setting{{announce, 1}, {nodest, 1}}))
	f.set(announce, 2)
	must(t, k.Restore())
	f.is(announce, 2)
	f.is(nodest, 0)
}

// An operator's change that will not do is changed again, and is what is put back.
func TestKeeperSetsAgain(t *testing.T) {
	f := newTree(t, map[string]int{announce: 0})
	k := f.keeper()
	must(t, k.Set([]Setting{{announce, 2}}))
	f.set(announce, 1)
	must(t, k.Set([]Setting{{announce, 2}}))
	f.is(announce, 2)
	must(t, k.Restore())
	f.is(announce, 1)
}

// What an operator has made of it is the operator's, also when that is what it was.
func TestKeeperForgetsWhatOthersChanged(t *testing.T) {
	f := newTree(t, map[string]int{announce: 0})
	k := f.keeper()
	must(t, k.Set([]Setting{{announce, 1}}))
	f.set(announce, 2)
	must(t, k.Set([]Setting{{announce, 1}}))
	f.set(announce, 1)
	must(t, k.Restore())
	f.is(announce, 1)
}

func TestKeeperChangesItsMind(t *testing.T) {
	f := newTree(t, map[string]int{announce: 0})
	k := f.keeper()
	must(t, k.Set([]Setting{{announce, 1}}))
	must(t, k.Set([]Setting{{announce, 2}}))
	f.is(announce, 2)
	if diff := cmp.Diff([]change{{Name: announce, Before: 0, Set: 2}}, k.record.Changes); diff != "" {
		t.Error(diff)
	}
	must(t, k.Restore())
	f.is(announce, 0)
}

// The record is there before the change is made.
func TestKeeperWritesItDownFirst(t *testing.T) {
	f := newTree(t, map[string]int{nodest: 0})
	must(t, os.WriteFile(filepath.Dir(f.file), nil, 0o600)) // no folder: no record can be written
	if err := f.keeper().Set([]Setting{{nodest, 1}}); err == nil {
		t.Error("no error without a record")
	}
	f.is(nodest, 0)
}

func TestKeeperGoesOnAfterAnError(t *testing.T) {
	f := newTree(t, map[string]int{announce: 0})
	k := f.keeper()
	err := k.Set([]Setting{{nodest, 1}, {announce, 2}})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "read sysctl net.ipv4.vs.expire_nodest_conn: no such file or directory") {
		t.Errorf("got %v, want that there is no such sysctl", err)
	}
	f.is(announce, 2)
	f.set(nodest, 0) // the module is loaded
	must(t, k.Set([]Setting{{nodest, 1}, {announce, 2}}))
	f.is(nodest, 1)
	must(t, os.Remove(filepath.Join(f.root, nodest))) // and gone
	must(t, k.Restore())
	f.is(announce, 0)
	f.leftFile(false)
}

func TestKeeperWithABadRecord(t *testing.T) {
	for _, text := range []string{"", "{", `{"version": 2}`} {
		f := newTree(t, map[string]int{nodest: 0})
		must(t, errors.Join(os.MkdirAll(filepath.Dir(f.file), 0o755), os.WriteFile(f.file, []byte(text), 0o600)))
		var log strings.Builder
		k := newKeeper(f.root, f.file, slog.New(slog.NewTextHandler(&log, nil)))
		if !strings.Contains(log.String(), "record of an earlier run is lost") {
			t.Errorf("%q is not logged: %s", text, &log)
		}
		must(t, k.Set([]Setting{{nodest, 1}}))
		must(t, k.Restore())
		f.is(nodest, 0)
	}
}

// A follower that somebody else has changed meanwhile is not put back.
func TestFollowersArePutBackUnlessChanged(t *testing.T) {
	const redirects, eth0, eth1 = "net/ipv4/conf/all/accept_redirects", "net/ipv4/conf/eth0/forwarding", "net/ipv4/conf/eth1/forwarding"
	f := newTree(t, map[string]int{forward4: 0, redirects: 0, eth0: 0, eth1: 1, "net/ipv4/conf/all/forwarding": 0})
	want := []follower{{redirects, 0, 0}, {eth0, 0, 1}, {eth1, 1, 1}}
	if diff := cmp.Diff(want, followersOf(f.root, Setting{forward4, 1})); diff != "" {
		t.Error(diff)
	}
	k := f.keeper()
	must(t, k.Set([]Setting{{forward4, 1}}))
	f.set(eth0, 1)      // by the kernel
	f.set(eth1, 0)      // by the operator
	f.set(redirects, 1) // likewise
	must(t, k.Restore())
	f.is(eth0, 0)
	f.is(eth1, 0)
	f.is(redirects, 1)
}

func TestSettings(t *testing.T) {
	if got, want := (Setting{"net/ipv4/conf/eth0/send_redirects", 0}).String(), "net.ipv4.conf.eth0.send_redirects=0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := (Setting{"net/ipv4/conf/eth0.7/send_redirects", 0}).String(), "net/ipv4/conf/eth0.7/send_redirects=0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
