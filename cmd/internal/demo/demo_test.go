package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script writes a stand-in for perch.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "perch")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// tempIn makes the demo put its folder where the test finds it.
func tempIn(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("TMPDIR", dir)
	return dir
}

func TestADaemonThatEndsStopsTheDemo(t *testing.T) {
	lab.NeedRoot(t)
	dir := tempIn(t)
	var out bytes.Buffer
	err := Run(t.Context(), Options{
		Binary: script(t, "echo port 7400 is taken >&2; exit 3"),
		Out:    &out,
	})
	if err == nil || !strings.Contains(err.Error(), "ended by itself (exit status 3)") {
		t.Errorf("the demo ended with: %v", err)
	}
	if !strings.Contains(out.String(), "port 7400 is taken") {
		t.Errorf("the log of the nodes is not shown:\n%s", &out)
	}
	checkGone(t, dir)
}

func TestInterruptedDemoLeavesNothing(t *testing.T) {
	lab.NeedRoot(t)
	dir := tempIn(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	// Between this line and the next the nodes are started.
	out := &trigger{text: "Starting perch", do: interrupt}
	err := Run(ctx, Options{Binary: script(t, "exec sleep 60"), Out: out})
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("the demo ended with: %v", err)
	}
	checkGone(t, dir)
}

// trigger does something when a text is written.
type trigger struct {
	text string
	do   func()
}

func (tr *trigger) Write(p []byte) (int, error) {
	if strings.Contains(string(p), tr.text) {
		tr.do()
	}
	return len(p), nil
}

func TestKeptFilesAreNamed(t *testing.T) {
	lab.NeedRoot(t)
	dir := tempIn(t)
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Binary: script(t, "exit 3"), Out: &out, KeepFiles: true}); err == nil {
		t.Error("a demo whose nodes end has no error")
	}
	_, kept, ok := strings.Cut(out.String(), "Configs, logs and data are in ")
	if kept = strings.TrimSuffix(kept, ".\n"); !ok || filepath.Dir(kept) != dir {
		t.Fatalf("the folder is not named:\n%s", &out)
	}
	if _, err := os.Stat(filepath.Join(kept, "lb1", "perch.toml")); err != nil {
		t.Error(err)
	}
}

// What the nodes would refuse is told before any of them is started.
func TestOptionsThatNoNodeTakes(t *testing.T) {
	lab.NeedRoot(t)
	tests := map[string]Options{
		"profile":   {Failover: "quick"},
		"heartbeat": {Heartbeat: -time.Second},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			dir := tempIn(t)
			var out bytes.Buffer
			o.Binary, o.Out = script(t, "exit 3"), &out
			err := Run(t.Context(), o)
			if mistakes, ok := errors.AsType[config.Mistakes](err); !ok || len(mistakes) != 1 {
				t.Errorf("the demo ended with: %v", err)
			}
			if out.Len() > 0 {
				t.Errorf("it began all the same:\n%s", &out)
			}
			checkGone(t, dir)
		})
	}
}

// checkGone checks that a demo left no files and no processes. Its namespaces go
// with their threads, which TestMain looks for.
func checkGone(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "perch-demo-*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if list := children(t); list != "" {
		t.Errorf("processes are left behind: %s", list)
	}
}

// children lists the processes that this one has started.
func children(t *testing.T) string {
	t.Helper()
	var list []string
	paths, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil && len(text) > 0 { // a thread may have ended meanwhile
			list = append(list, string(text))
		}
	}
	return strings.Join(list, " ")
}
