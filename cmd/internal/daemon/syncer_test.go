package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/ipvs"
)

// syncSetter remembers what the kernel was told to run.
type syncSetter struct {
	mu    sync.Mutex
	calls [][]ipvs.SyncDaemon
	err   error
	runs  []ipvs.SyncDaemon
}

func (s *syncSetter) list() ([]ipvs.SyncDaemon, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.runs), nil
}

func (s *syncSetter) set(want []ipvs.SyncDaemon) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, want)
	if s.err == nil {
		s.runs = want
	}
	return s.err
}

func (s *syncSetter) fails(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func newTestSyncer(t testing.TB, log *slog.Logger) (*syncer, *syncSetter) {
	return newSyncerWith(syncMark(filepath.Join(t.TempDir(), "sync")), log)
}

func newSyncerWith(mark syncMark, log *slog.Logger) (*syncer, *syncSetter) {
	s, setter := newSyncer(mark, log), &syncSetter{}
	s.list, s.set = setter.list, setter.set
	return s, setter
}

var (
	asMaster = []ipvs.SyncDaemon{{Role: ipvs.SyncMaster}}
	asBackup = []ipvs.SyncDaemon{{Role: ipvs.SyncBackup}}
)

func (s *syncSetter) want(t *testing.T, when string, calls ...[]ipvs.SyncDaemon) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.EqualFunc(s.calls, calls, slices.Equal[[]ipvs.SyncDaemon]) {
		t.Errorf("%s: the kernel was told %v, want %v", when, s.calls, calls)
	}
	s.calls = nil
}

func TestSyncerFollowsAtOnceAndMakesSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, kernel := newTestSyncer(t, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = s.run(ctx) }()
		time.Sleep(3 * resyncEvery)
		kernel.want(t, "nothing was ever asked for")
		s.ask(asBackup)
		kernel.want(t, "at first", asBackup)
		s.ask(asMaster)
		kernel.want(t, "after a move", asMaster)
		s.ask(asMaster)
		kernel.want(t, "the same again")
		time.Sleep(resyncEvery)
		kernel.want(t, "after a while", asMaster)
		cancel()
		kernel.want(t, "at the end", nil)
	})
}

// What others run is theirs, once nothing is wanted any more and perch's daemons are gone.
func TestSyncerLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, kernel := newTestSyncer(t, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = s.run(ctx) }()
		s.ask(asMaster)
		kernel.want(t, "at first", asMaster)
		kernel.fails(errors.New("busy"))
		s.ask(nil)
		kernel.want(t, "not stopped", nil)
		kernel.fails(nil)
		time.Sleep(resyncEvery)
		kernel.want(t, "tried again", nil)
		time.Sleep(3 * resyncEvery)
		cancel()
		kernel.want(t, "after that")
	})
}

// What a run that was killed has left is stopped by one that wants none, unless the
// machine was booted meanwhile.
func TestSyncerStopsWhatWasLeft(t *testing.T) {
	mark := syncMark(filepath.Join(t.TempDir(), "sync"))
	killed, _ := newSyncerWith(mark, slog.New(slog.DiscardHandler))
	killed.ask(asMaster)
	killed.step()
	s, kernel := newSyncerWith(mark, slog.New(slog.DiscardHandler))
	s.step()
	if len(kernel.calls) != 0 {
		t.Errorf("the kernel was told %v before anything was asked for", kernel.calls)
	}
	s.ask(nil)
	s.step()
	s.step()
	if len(kernel.calls) != 1 || len(kernel.calls[0]) != 0 {
		t.Errorf("the kernel was told %v, want to stop all, once", kernel.calls)
	}
	if again, _ := newSyncerWith(mark, slog.New(slog.DiscardHandler)); again.used {
		t.Error("they were stopped, and are looked for again")
	}
	killed.step()
	stuck, failing := newSyncerWith(mark, slog.New(slog.DiscardHandler))
	failing.fails(errors.New("busy"))
	stuck.step()
	if again, _ := newSyncerWith(mark, slog.New(slog.DiscardHandler)); !again.used {
		t.Error("they were not stopped, and are not looked for again")
	}

	if err := os.WriteFile(string(mark), []byte("another boot\nmaster\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, kernel = newSyncerWith(mark, slog.New(slog.DiscardHandler))
	s.ask(nil)
	s.step()
	if len(kernel.calls) != 0 {
		t.Errorf("the kernel was told %v after another boot", kernel.calls)
	}
}

// The mark of an earlier version names no role. That version left no daemon to others.
func TestSyncerStopsWhatAnEarlierVersionLeft(t *testing.T) {
	mark := syncMark(filepath.Join(t.TempDir(), "sync"))
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(string(mark), []byte(boot), 0o600); err != nil {
		t.Fatal(err)
	}
	s, kernel := newSyncerWith(mark, slog.New(slog.DiscardHandler))
	kernel.runs = asBackup
	s.ask(asMaster)
	s.step()
	if !slices.Equal(kernel.runs, asMaster) {
		t.Errorf("the kernel runs %v, want %v", kernel.runs, asMaster)
	}
}

// A mark that cannot be replaced stays as it is.
func TestSyncMarkStays(t *testing.T) {
	mark := syncMark(filepath.Join(t.TempDir(), "sync"))
	master := []ipvs.Role{ipvs.SyncMaster}
	if err := mark.set(master); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(string(mark)+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := mark.set([]ipvs.Role{ipvs.SyncMaster, ipvs.SyncBackup}); err == nil || !slices.Equal(mark.roles(), master) {
		t.Errorf("error %v, roles %v, want %v", err, mark.roles(), master)
	}
}

// What somebody else has started stays, and is in the way of perch's own in that role only.
func TestSyncerLeavesOthersAlone(t *testing.T) {
	mark := syncMark(filepath.Join(t.TempDir(), "sync"))
	s, kernel := newSyncerWith(mark, slog.New(slog.DiscardHandler))
	theirs := ipvs.SyncDaemon{Role: ipvs.SyncMaster, Interface: "eth9", ID: 9}
	kernel.runs = []ipvs.SyncDaemon{theirs}
	s.ask(slices.Concat(asMaster, asBackup))
	s.step()
	s.step()
	both := append([]ipvs.SyncDaemon{theirs}, asBackup...)
	if !slices.Equal(kernel.runs, both) {
		t.Errorf("the kernel runs %v, want %v", kernel.runs, both)
	}
	if _, trouble := s.status(); trouble != "sync master on eth9 was started by somebody else: stop it with ipvsadm --stop-daemon master" {
		t.Errorf("trouble %q", trouble)
	}
	again, _ := newSyncerWith(mark, slog.New(slog.DiscardHandler)) // after a SIGKILL
	again.list, again.set = kernel.list, kernel.set
	again.ask(nil)
	again.step()
	if !slices.Equal(kernel.runs, []ipvs.SyncDaemon{theirs}) {
		t.Errorf("at the end the kernel runs %v, want %v", kernel.runs, theirs)
	}
	if _, err := os.Stat(string(mark)); err == nil {
		t.Error("the mark is left")
	}
}

// One role is left for the other again and again, and nothing else runs.
func TestSyncerChangesRoles(t *testing.T) {
	s, kernel := newTestSyncer(t, slog.New(slog.DiscardHandler))
	for _, want := range [][]ipvs.SyncDaemon{asMaster, asBackup, asMaster, slices.Concat(asMaster, asBackup), asBackup, nil} {
		s.ask(want)
		s.step()
		if !slices.Equal(kernel.runs, want) {
			t.Fatalf("the kernel runs %v, want %v", kernel.runs, want)
		}
	}
}

// One of somebody else that is just as wanted will do.
func TestSyncerTakesWhatServes(t *testing.T) {
	s, kernel := newTestSyncer(t, slog.New(slog.DiscardHandler))
	theirs := asMaster[0]
	theirs.Group, theirs.Port, theirs.TTL, theirs.MaxLen = netip.MustParseAddr("224.0.0.81"), 8848, 1, 1472
	kernel.runs = []ipvs.SyncDaemon{theirs}
	s.ask(asMaster)
	s.step()
	if _, trouble := s.status(); trouble != "" {
		t.Errorf("trouble %q", trouble)
	}
	s.ask(nil)
	s.step()
	if !slices.Equal(kernel.runs, []ipvs.SyncDaemon{theirs}) {
		t.Errorf("the kernel runs %v, want %v", kernel.runs, theirs)
	}
}

func TestSyncerComplainsOnce(t *testing.T) {
	log, said := captured()
	s, kernel := newTestSyncer(t, log)
	kernel.fails(errors.New("no such device"))
	s.ask(asMaster)
	s.step()
	s.step()
	if _, trouble := s.status(); trouble != "no such device" || len(said()) != 1 {
		t.Errorf("trouble %q, said %q", trouble, said())
	}
	kernel.fails(nil)
	s.step()
	if want, trouble := s.status(); trouble != "" || !slices.Equal(want, asMaster) {
		t.Errorf("trouble %q, want %v", trouble, want)
	}
}
