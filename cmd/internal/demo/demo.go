package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// How long the demo waits for what should happen.
const (
	patience = 10 * time.Second        // for an owner, or for a node to follow
	pause    = 1500 * time.Millisecond // between two acts, to be read
)

// Options of a demo.
type Options struct {
	Binary    string // path of perch
	Out       io.Writer
	Colour    bool          // of what is written to Out
	Failover  string        // profile, unless Heartbeat is set
	Heartbeat time.Duration // 0: by profile
	KeepFiles bool          // configs, logs and data stay after the demo
}

// Run plays the demo until its end or that of ctx. Its error is a
// *lab.MissingError when this machine or this user cannot have it, and
// config.Mistakes when the nodes would refuse what the options say.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "perch-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	out := newPrinter(o)
	if o.KeepFiles {
		defer func() { out.line("Configs, logs and data are in %s.", dir) }()
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	s, err := newStage(dir, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	err = (&show{stage: s, out: out}).play(ctx)
	if ctx.Err() != nil {
		return errors.New("the demo was interrupted; nothing of its network is left")
	}
	if err != nil {
		out.logs(s.cluster)
	}
	return err
}
