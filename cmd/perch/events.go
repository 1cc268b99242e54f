package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/cmd/internal/printable"
)

type eventsOptions struct {
	daemon daemonOptions
	output format
	since  eventID
	follow bool
}

func newEventsCommand() *cobra.Command {
	o := &eventsOptions{}
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what has happened on this node, and what happens",
		Long: `Show what has happened on this node since its daemon was started, in order and
numbered, the latest last: docs/events.md has all kinds of events. The daemon
keeps the last 10,000 of them. Times are this machine's local time; -o json has
one object a line.

With --follow it goes on with what happens, until interrupted. Should the daemon
be started anew it waits for it and goes on there. Where events are missing,
since the daemon no longer has them, an event of kind gap or new_run says so.`,
		Example: `  perch events
  perch events --follow
  perch events --since 120
  perch events -o json | jq -r 'select(.kind == "ownership_moved") | .reason'`,
		Args: noArgument,
		RunE: o.events,
	}
	o.daemon.bind(cmd)
	o.output.bind(cmd)
	cmd.Flags().VarP(&o.since, "since", "s", "begin behind the event with this `NUMBER`, or RUN-NUMBER as -o json has it")
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with what happens, until interrupted")
	return cmd
}

// eventID is the value of --since.
type eventID events.ID

func (i *eventID) String() string {
	if *i == (eventID{}) {
		return ""
	}
	return events.ID(*i).String()
}

func (i *eventID) Type() string { return "id" }

func (i *eventID) Set(text string) error {
	id, err := events.ParseID(text)
	*i = eventID(id)
	return err
}

func (o *eventsOptions) events(cmd *cobra.Command, _ []string) error {
	client, err := o.daemon.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	r := &eventReader{
		read:   client.Events,
		at:     events.ID(o.since),
		out:    cmd.OutOrStdout(),
		errOut: cmd.ErrOrStderr(),
		output: o.output,
	}
	if o.follow {
		err = r.follow(cmd.Context())
	} else {
		err = r.read(cmd.Context(), r.at, api.NoFollow, r.show)
	}
	if errors.Is(err, errNobodyReads) {
		return nil
	}
	return err
}

// errNobodyReads says that what is printed goes nowhere any more.
var errNobodyReads = errors.New("nobody reads")

// againAfter is after how long a daemon that is away is looked for again.
const againAfter = 500 * time.Millisecond

// eventReader prints events, each once.
type eventReader struct {
	read        func(ctx context.Context, id events.ID, follow api.Follow, each func(api.RawEvent) error) error
	at          events.ID // the last one that was printed
	out, errOut io.Writer
	output      format
	complaint   string
}

// follow prints what happens until ctx ends. Only at first the daemon must be there: it is
// waited for when it goes.
func (r *eventReader) follow(ctx context.Context) error {
	for first := true; ; first = false {
		err := r.read(ctx, r.at, api.FollowNew, r.show)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errNobodyReads), errors.Is(err, api.ErrInvalid), first && err != nil:
			return err
		case err == nil:
			err = errors.New("the daemon has ended: it is waited for")
		}
		if r.complaint != err.Error() {
			r.complaint = err.Error()
			complain(r.errOut, r.complaint)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(againAfter):
		}
	}
}

// show prints an event. It is called without one now and then.
func (r *eventReader) show(e api.RawEvent) error {
	r.complaint = ""
	if e.Line == nil {
		if unread(r.out) {
			return errNobodyReads
		}
		return nil
	}
	text := string(printable.JSON(e.Line)) + "\n"
	if r.output == formatText {
		text = readable(r.out, renderEvent(&e.Event, viewOf(r.out, e.Time.Time.Local())))
	}
	_, err := io.WriteString(r.out, text)
	if errors.Is(err, unix.EPIPE) {
		return errNobodyReads
	}
	if err == nil {
		r.at = e.ID
	}
	return err
}

// unread tells whether out is a pipe whose other end is closed: nothing may be written for
// a long time, by which one would learn of it.
func unread(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return false
	}
	closed := false
	_ = conn.Control(func(fd uintptr) {
		set := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(set, 0)
		closed = err == nil && n > 0 && set[0].Revents&unix.POLLERR != 0
	})
	return closed
}
