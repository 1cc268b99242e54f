package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
)

// runnerFunc is a program that is not really run.
type runnerFunc func(ctx context.Context, variables []string) error

func (f runnerFunc) Run(ctx context.Context, _, variables []string) error { return f(ctx, variables) }

// A program that fails, is too slow, or hangs on a disk is a warning, and keeps nobody longer
// than its time and programHang.
func TestNodeProgramIsBounded(t *testing.T) {
	const limit = 10 * time.Second
	forever := make(chan struct{})
	for name, c := range map[string]struct {
		run  runnerFunc
		took time.Duration
		want string
	}{
		"well":  {func(context.Context, []string) error { return nil }, 0, "program of the node has ended"},
		"fails": {func(context.Context, []string) error { return errors.New("exit code 3") }, 0, `error="exit code 3"`},
		"slow": {func(ctx context.Context, _ []string) error {
			<-ctx.Done()
			return errors.New("killed")
		}, limit, "error=killed"},
		"hangs": {func(context.Context, []string) error {
			<-forever
			return nil
		}, limit + programHang, "is not waited for"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				forever = make(chan struct{})
				defer close(forever)
				var log bytes.Buffer
				d := &daemon{log: slog.New(slog.NewTextHandler(&log, nil))}
				d.current.Store(&loaded{config: &config.Config{Node: config.Node{Name: "lb1"}}})
				begin := time.Now()
				d.runProgram(t.Context(), nodeProgram{"start", []string{"/bin/begin"}, c.run, limit})
				if took := time.Since(begin); took != c.took || !strings.Contains(log.String(), c.want) {
					t.Errorf("took %s, want %s, and %q in\n%s", took, c.took, c.want, log.String())
				}
			})
		})
	}
}

func TestNodeProgramsOf(t *testing.T) {
	var users []string
	targets := targets{program: func(argv []string, user string) (notify.Runner, error) {
		users = append(users, fmt.Sprint(argv, user))
		if user == "nobody else" {
			return nil, errors.New("not known")
		}
		return runnerFunc(nil), nil
	}}
	p, err := targets.nodeProgramsOf(&config.Node{StartProgram: []string{"/begin", "all"}, StartTimeout: time.Second, ProgramUser: "ops"})
	if err != nil || p.start.timeout != time.Second || p.stop.argv != nil || len(users) != 1 || users[0] != "[/begin all]ops" {
		t.Errorf("%+v, %v, made %q", p, err, users)
	}
	both := &config.Node{StartProgram: []string{"/begin"}, StopProgram: []string{"/end"}, ProgramUser: "nobody else"}
	if _, err = targets.nodeProgramsOf(both); err == nil || err.Error() != "node.start_program: not known\nnode.stop_program: not known" {
		t.Errorf("%v", err)
	}
}

// withPrograms has a site's daemon run programs that do something, and write into the file told,
// before it or after it, which they are.
func withPrograms(t *testing.T, s *site, before, after string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\n%s\necho $PERCH_EVENT of $PERCH_NAME $1 >>%s\n%s\n", before, s.path("told"), after)
	if err := os.WriteFile(s.path("program"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	node := fmt.Sprintf(`node = {start_program = [%[1]q, "begins"], stop_program = [%[1]q, "ends"], program_user = %q, `, s.path("program"), me.Username)
	text = bytes.Replace(text, []byte("node = {"), []byte(node), 1)
	if err := os.WriteFile(s.path("perch.toml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *site) told(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.path("told"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// The program of the start ends before the daemon is ready, though it fails; that of the end
// runs last.
func TestProgramsOfStartAndEnd(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	withPrograms(t, s, "sleep 0.5", "exit 3")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.start(ctx, allCapabilities) }()
	for told(t, s.notify) != "READY=1" { // its STATUS may come first
	}
	if got := s.told(t); got != "start of lb1 begins\n" {
		t.Errorf("as it is ready there is %q", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := s.told(t); got != "start of lb1 begins\nstop of lb1 ends\n" {
		t.Errorf("at the end there is %q", got)
	}
}

// A daemon that is to end while the program of its start runs ends, and has never been ready.
func TestEndDuringTheProgramOfTheStart(t *testing.T) {
	needRoot(t)
	s := newSite(t)
	withPrograms(t, s, "", `[ "$1" = ends ] || exec sleep 1000`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.start(ctx, allCapabilities) }()
	for s.told(t) == "" {
		select {
		case err := <-ended:
			t.Fatalf("it ended before the program of its start ran: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := s.told(t); got != "start of lb1 begins\nstop of lb1 ends\n" {
		t.Errorf("at the end there is %q", got)
	}
	if log := s.log.String(); strings.Contains(log, "perch is running") || !strings.Contains(log, "killed at the end of perch") {
		t.Errorf("the log says\n%s", log)
	}
}
