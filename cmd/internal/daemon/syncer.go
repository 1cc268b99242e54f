package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/perch-vip/perch/ipvs"
)

// resyncEvery is how often it is made sure that the kernel's sync daemons are as wanted.
const resyncEvery = 5 * time.Second

// syncer has the kernel tell the other directors of connections, or hear of theirs: which
// of both follows the VIPs.
type syncer struct {
	set  func([]ipvs.SyncDaemon) error
	mark syncMark
	log  *slog.Logger
	poke chan struct{}

	mu      sync.Mutex // guards what follows
	want    []ipvs.SyncDaemon
	used    bool // perch may have daemons: else nothing is touched
	trouble string
}

// newSyncer returns one that finds what an earlier run has left, by its mark.
func newSyncer(mark syncMark, log *slog.Logger) *syncer {
	return &syncer{set: ipvs.SetSync, mark: mark, log: log, poke: make(chan struct{}, 1), used: mark.isSet()}
}

// ask has these daemons run, and does not wait.
func (s *syncer) ask(want []ipvs.SyncDaemon) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Equal(want, s.want) {
		return
	}
	s.want, s.used = want, true
	offer(s.poke, struct{}{})
}

// run keeps the daemons as they were asked for, until ctx ends, when they are stopped.
// Nothing is asked for any more then.
func (s *syncer) run(ctx context.Context) error {
	timer := time.NewTimer(resyncEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			s.ask(nil)
			s.step()
			return nil
		case <-s.poke:
		case <-timer.C:
		}
		s.step()
		timer.Reset(resyncEvery)
	}
}

// step brings the daemons to what is wanted. Once none is, and none of perch's is left,
// what others do is theirs.
func (s *syncer) step() {
	s.mu.Lock()
	want, used := s.want, s.used
	s.mu.Unlock()
	if !used {
		return
	}
	err := s.bring(want)
	s.mu.Lock()
	defer s.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != s.trouble {
		s.log.Warn("connections are not told to other directors", "error", text)
	}
	s.trouble = text
	s.used = err != nil || len(s.want) > 0
}

// bring brings the kernel to these daemons, under the mark.
func (s *syncer) bring(want []ipvs.SyncDaemon) error {
	if len(want) > 0 {
		return errors.Join(s.mark.set(), s.set(want))
	}
	if err := s.set(want); err != nil {
		return err
	}
	return s.mark.clear()
}

// status returns what is wanted, and why it is not so.
func (s *syncer) status() (want []ipvs.SyncDaemon, trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.want, s.trouble
}
