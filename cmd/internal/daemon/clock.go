package daemon

import (
	"cmp"
	"context"
	"errors"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/clock"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip/atomicfile"
)

// openClock makes what has this node take time from the leader. It starts nothing.
func (d *daemon) openClock(cfg *config.Config) *clock.Keeper {
	keeper := clock.New(clock.Options{
		View:    d.clockView,
		Replace: replaceSources,
		Run:     d.runChronyc,
		Ask:     clock.Ask,
		Log:     d.log.With("part", "clock"),
	})
	keeper.Set(clockSettings(cfg))
	return keeper
}

// clockSettings are nil where nobody is to take time from anybody.
func clockSettings(cfg *config.Config) *clock.Settings {
	if cfg.Clock == nil || cfg.Cluster == nil {
		return nil
	}
	return &clock.Settings{
		Cluster:   cfg.Cluster.Name,
		Dir:       cfg.Clock.SourcesDir,
		Socket:    cfg.Clock.Socket,
		Chronyc:   cfg.Clock.Chronyc,
		Interval:  cfg.Clock.Interval,
		MaxOffset: cfg.Clock.MaxOffset,
	}
}

func (d *daemon) clockView() clock.View {
	return clockViewOf(d.config(), d.member.node.View())
}

// clockViewOf is who leads. A node that has left the cluster follows whom it followed.
func clockViewOf(cfg *config.Config, view cluster.View) clock.View {
	seen := clock.View{Self: cfg.Node.Name}
	if !view.Left {
		seen.Leader = view.Leader
	}
	for _, p := range roster(cfg.Cluster, view.Members) {
		switch p.Name {
		case seen.Self:
			seen.SelfAddress = p.Address.Addr()
		case seen.Leader:
			seen.Address = p.Address.Addr()
		}
	}
	return seen
}

// replaceSources is content with a file that a crash may undo: each start looks at it.
func replaceSources(path string, content []byte) error {
	err := atomicfile.ReplacePublic(path, content)
	if errors.Is(err, atomicfile.ErrUnsynced) {
		return nil
	}
	return err
}

func (d *daemon) runChronyc(ctx context.Context, argv []string) error {
	program, err := d.targets.program(argv, "")
	if err != nil {
		return err
	}
	return program.Run(ctx, nil, nil)
}

// reloadClock applies from where the time is taken, which nothing waits for.
func (d *daemon) reloadClock(applied, fresh *config.Config) {
	if d.member == nil || fresh.Cluster == nil {
		return
	}
	applied.Clock = fresh.Clock
	d.member.clock.Set(clockSettings(applied))
}

// clockOf is what is shown of the clock.
func clockOf(s clock.Status) *api.Clock {
	out := &api.Clock{Follows: s.Follows(), File: s.File, Error: s.Trouble, MaxOffset: s.MaxOffset}
	if a := s.AddressFollowed(); a.IsValid() {
		out.Address = a.String()
	}
	if s.Asked != "" {
		r := s.Reading
		out.Measured = &api.Measured{
			At: s.At, Offset: r.Offset, RoundTrip: r.RoundTrip, Stratum: r.Stratum, Error: cmp.Or(s.Silent, r.Unsynchronized),
		}
	}
	return out
}
