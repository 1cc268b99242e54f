package daemon

import (
	"context"
	"errors"
	"log/slog"
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
}

func (s *syncSetter) set(want []ipvs.SyncDaemon) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, want)
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
	s.set = setter.set
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
	if err := os.WriteFile(string(mark), []byte("another boot"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, kernel = newSyncerWith(mark, slog.New(slog.DiscardHandler))
	s.step()
	if len(kernel.calls) != 0 {
		t.Errorf("the kernel was told %v after another boot", kernel.calls)
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
