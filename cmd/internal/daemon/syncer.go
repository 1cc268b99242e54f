package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/perch-vip/perch/ipvs"
)

// resyncEvery is how often it is made sure that the kernel's sync daemons are as wanted.
const resyncEvery = 5 * time.Second

// syncer has the kernel tell the other directors of connections, or hear of theirs: which
// of both follows the VIPs. Daemons that somebody else started are left alone.
type syncer struct {
	list func() ([]ipvs.SyncDaemon, error)
	set  func([]ipvs.SyncDaemon) error
	mark syncMark
	log  *slog.Logger
	poke chan struct{}

	mu      sync.Mutex // guards what follows
	want    []ipvs.SyncDaemon
	asked   bool        // until then what an earlier run has left goes on
	mine    []ipvs.Role // in which perch may have daemons: sorted, set by run alone
	used    bool        // there is something to do: else nothing is touched
	trouble string
}

// newSyncer returns one that finds what an earlier run has left, by its mark.
func newSyncer(mark syncMark, log *slog.Logger) *syncer {
	mine := mark.roles()
	return &syncer{
		list: ipvs.SyncDaemons, set: ipvs.SetSync, mark: mark, log: log, poke: make(chan struct{}, 1),
		mine: mine, used: len(mine) > 0,
	}
}

// ask has these daemons run, and does not wait.
func (s *syncer) ask(want []ipvs.SyncDaemon) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked && slices.Equal(want, s.want) {
		return
	}
	s.want, s.asked, s.used = want, true, s.used || len(want) > 0
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
	want, used := s.want, s.used && s.asked
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

// bring brings the kernel to these daemons, under the mark. A role in which somebody else
// has another daemon is not to be had.
func (s *syncer) bring(want []ipvs.SyncDaemon) error {
	all, err := s.foreign()
	if err != nil {
		return err
	}
	var mine []ipvs.Role
	var taken []error
	foreign := len(all)
	for _, d := range want {
		at := slices.IndexFunc(all[:foreign], func(f ipvs.SyncDaemon) bool { return f.Role == d.Role })
		switch {
		case at < 0:
			mine, all = append(mine, d.Role), append(all, d)
		case !all[at].Serves(d):
			taken = append(taken, fmt.Errorf("%s was started by somebody else: stop it with ipvsadm --stop-daemon %s", all[at], d.Role))
		}
	}
	errs := append(taken, s.own(append(mine, s.mine...)))
	if err := s.set(all); err != nil {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, s.own(mine))...)
}

// own notes in which roles perch may have daemons from now on.
func (s *syncer) own(roles []ipvs.Role) error {
	roles = slices.Compact(slices.Sorted(slices.Values(roles)))
	s.mu.Lock()
	s.mine = roles
	s.mu.Unlock()
	if len(roles) == 0 {
		return s.mark.clear()
	}
	return s.mark.set(roles)
}

// foreign returns the daemons that somebody else started.
func (s *syncer) foreign() ([]ipvs.SyncDaemon, error) {
	have, err := s.list()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(have, func(d ipvs.SyncDaemon) bool { return slices.Contains(s.mine, d.Role) }), err
}

// status returns what is wanted, and why it is not so.
func (s *syncer) status() (want []ipvs.SyncDaemon, trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.want, s.trouble
}
