package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the command lines of testdata/script against a fake daemon.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setupScript,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon":       startDaemon,
			"stop-daemon":  stopDaemon,
			"stale-socket": staleSocket,
			"wait-for":     waitFor,
		},
	})
}

// daemonKey is where a script's *runningDaemon is.
type daemonKey struct{}

type runningDaemon struct{ *fakeDaemon }

// promptExit spares a binary built with -race the second that it waits at its exit.
const promptExit = "atexit_sleep_ms=0"

// setupScript gives each script a socket of its own, in a folder that everybody
// can enter and whose path is short.
func setupScript(env *testscript.Env) error {
	dir, err := os.MkdirTemp("/tmp", "perch-cli")
	if err != nil {
		return err
	}
	env.Defer(func() { _ = os.RemoveAll(dir) })
	env.Setenv("PERCH_SOCKET", filepath.Join(dir, "perch.sock"))
	env.Setenv("TZ", "UTC")
	env.Setenv("GORACE", promptExit)
	env.Setenv("BACKEND", filepath.Join(env.WorkDir, "backend"))
	running := &runningDaemon{}
	env.Values[daemonKey{}] = running
	env.Defer(running.end)
	return os.Chmod(dir, 0o755)
}

func (r *runningDaemon) end() {
	if r.fakeDaemon != nil {
		r.stop()
	}
	r.fakeDaemon = nil
}

func condition(name string) (bool, error) {
	switch {
	case name != "root":
		return false, errors.New("unknown condition " + name)
	case os.Geteuid() != 0 && os.Getenv("CI") != "":
		return false, errors.New("this needs root, and CI skips nothing")
	}
	return os.Geteuid() == 0, nil
}

// startDaemon: daemon
//
// Starts a fake daemon at $PERCH_SOCKET that answers with the files of $BACKEND.
func startDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: daemon")
	}
	ts.Check(os.MkdirAll(ts.Getenv("BACKEND"), 0o755))
	f, err := startFake(ts.Getenv("PERCH_SOCKET"), ts.Getenv("BACKEND"))
	ts.Check(err)
	ts.Value(daemonKey{}).(*runningDaemon).fakeDaemon = f
}

// stopDaemon: stop-daemon
func stopDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: stop-daemon")
	}
	ts.Value(daemonKey{}).(*runningDaemon).end()
}

// staleSocket: stale-socket
//
// Leaves a socket at $PERCH_SOCKET as a killed daemon does.
func staleSocket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: stale-socket")
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: ts.Getenv("PERCH_SOCKET"), Net: "unix"})
	ts.Check(err)
	ln.SetUnlinkOnClose(false)
	ts.Check(ln.Close())
	ts.Check(os.Chmod(ts.Getenv("PERCH_SOCKET"), 0o660))
}

// waitFor: wait-for FILE PATTERN
//
// Waits until FILE has a match of PATTERN.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: wait-for FILE PATTERN")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && pattern.Match(text) {
			return
		}
	}
	ts.Fatalf("%s has no match of %s after 20s", args[0], args[1])
}
