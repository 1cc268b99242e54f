package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
)

// programHang is for how long a program is waited for that was killed, and cannot be: it may
// be on a disk that hangs.
const programHang = 3 * time.Second

// nodeProgram is the program that is run at the start or at the end. It has none without argv.
type nodeProgram struct {
	event   string
	argv    []string
	runner  notify.Runner
	timeout time.Duration
}

// nodePrograms are both.
type nodePrograms struct {
	start, stop nodeProgram
}

// nodeProgramsOf returns the programs of a config, which are those of [node].
func (t targets) nodeProgramsOf(n *config.Node) (p nodePrograms, err error) {
	var startErr, stopErr error
	p.start, startErr = t.nodeProgram("start", n.StartProgram, n.ProgramUser, n.StartTimeout)
	p.stop, stopErr = t.nodeProgram("stop", n.StopProgram, n.ProgramUser, n.StopTimeout)
	return p, errors.Join(startErr, stopErr)
}

func (t targets) nodeProgram(event string, argv []string, user string, limit time.Duration) (nodeProgram, error) {
	if len(argv) == 0 {
		return nodeProgram{}, nil
	}
	runner, err := t.program(argv, user)
	if err != nil {
		return nodeProgram{}, fmt.Errorf("node.%s_program: %w", event, err)
	}
	return nodeProgram{event, argv, runner, limit}, nil
}

// runProgram runs a program, and ends with ctx, or when its time is over. Nothing that it does, or
// does not do, is more than a warning.
func (d *daemon) runProgram(ctx context.Context, p nodeProgram) {
	if len(p.argv) == 0 {
		return
	}
	log := d.log.With("event", p.event, "program", p.argv[0])
	log.Info("program of the node runs", "timeout", p.timeout)
	begin := time.Now()
	err := p.run(ctx, d.name())
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("killed at the end of perch: %w", err)
	}
	if err != nil {
		log.Warn("program of the node", "error", err)
		return
	}
	log.Info("program of the node has ended", "took", time.Since(begin).Round(time.Millisecond))
}

func (p nodeProgram) run(ctx context.Context, node string) error {
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	variables := []string{"PERCH_EVENT=" + p.event, "PERCH_ABOUT=node", "PERCH_NAME=" + node}
	ended := make(chan error, 1)
	go func() { ended <- p.runner.Run(limited, nil, variables) }()
	select {
	case err := <-ended:
		return err
	case <-limited.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(programHang):
		return errors.New("hangs, and is not waited for any more")
	}
}

// runStopProgram runs the program of the end, when nothing is held any more: only its time
// ends it. With a part that hangs it
// does not run: perch is to be gone.
func (d *daemon) runStopProgram(ctx context.Context) {
	p := d.programs.Load().stop
	if len(p.argv) == 0 || d.hangs.Load() {
		return
	}
	d.phase.Store(new("all is released, the stop_program runs"))
	d.runProgram(context.WithoutCancel(ctx), p)
}
