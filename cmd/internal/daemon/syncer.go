package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
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
	used    bool // something was ever wanted: else nothing is touched
	trouble string
}

func newSyncer(log *slog.Logger) *syncer {
	return &syncer{set: ipvs.SetSync, log: log, poke: make(chan struct{}, 1)}
}

// syncsOf returns the daemons that a node is to run: it tells of the connections of
// services that it has the VIPs of, and hears of those of the others.
func syncsOf(c *config.IPVSSync, ownsSome, ownsAll bool) (list []ipvs.SyncDaemon) {
	if c == nil {
		return nil
	}
	daemon := ipvs.SyncDaemon{
		Interface: c.Interface,
		ID:        uint8(c.ID),
		MaxLen:    uint16(c.MaxLen),
		Group:     c.Group,
		Port:      c.Port,
		TTL:       uint8(c.TTL),
	}
	if ownsSome {
		daemon.Role = ipvs.SyncMaster
		list = append(list, daemon)
	}
	if !ownsAll {
		daemon.Role = ipvs.SyncBackup
		list = append(list, daemon)
	}
	return list
}

// ask has these daemons run, and does not wait.
func (s *syncer) ask(want []ipvs.SyncDaemon) {
	s.mu.Lock()
	s.want, s.used = want, s.used || len(want) > 0
	s.mu.Unlock()
	offer(s.poke, struct{}{})
}

// run keeps the daemons as they were asked for, until ctx ends, when they are stopped.
func (s *syncer) run(ctx context.Context) error {
	for ctx.Err() == nil {
		s.step()
		select {
		case <-ctx.Done():
		case <-s.poke:
		case <-time.After(resyncEvery):
		}
	}
	s.ask(nil)
	s.step()
	return nil
}

func (s *syncer) step() {
	s.mu.Lock()
	want, used := s.want, s.used
	s.mu.Unlock()
	if !used {
		return
	}
	text := ""
	if err := s.set(want); err != nil {
		text = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if text != "" && text != s.trouble {
		s.log.Warn("connections are not told to other directors", "error", text)
	}
	s.trouble = text
}

// status returns what is wanted, and why it is not so.
func (s *syncer) status() (want []ipvs.SyncDaemon, trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.want, s.trouble
}
