package daemon

import (
	"context"
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
	log  *slog.Logger
	poke chan struct{}

	mu      sync.Mutex // guards what follows
	want    []ipvs.SyncDaemon
	used    bool // perch may have daemons: else nothing is touched
	trouble string
}

func newSyncer(log *slog.Logger) *syncer {
	return &syncer{set: ipvs.SetSync, log: log, poke: make(chan struct{}, 1)}
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
	err := s.set(want)
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

// status returns what is wanted, and why it is not so.
func (s *syncer) status() (want []ipvs.SyncDaemon, trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.want, s.trouble
}
