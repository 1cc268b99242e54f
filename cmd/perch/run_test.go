package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestExitCodes(t *testing.T) {
	socket, _ := serveStatus(t, healthy())
	wrong := filepath.Join(t.TempDir(), "wrong.toml")
	if err := os.WriteFile(wrong, []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]int{
		"":                             exitOK,
		"help":                         exitOK,
		"status --help":                exitOK,
		"version":                      exitOK,
		"status --socket " + socket:    exitOK,
		"drain lb1 --socket " + socket: exitOK,
		"server --socket " + socket:    exitOK,
		"server drain a b --wait=false --socket " + socket:  exitOK,
		"server weight a b 7 --socket " + socket:            exitOK,
		"status --socket /nowhere":                          exitError,
		"server drain a b --socket /nowhere":                exitError,
		"server drain a b --timeout 1ms --socket " + socket: exitError,
		"server drain a b --timeout -1s --socket " + socket: exitUsage,
		"server drain a":                 exitUsage,
		"server weight a b c":            exitUsage,
		"server drian a b":               exitUsage,
		"server -o yaml":                 exitUsage,
		"check -c " + wrong:              exitError,
		"check -c " + wrong + " -o json": exitError,
		"check -c /nowhere":              exitError,
		"serve -c " + wrong:              exitError,
		"init --dir /dev/null --name a --address 198.18.0.1": exitError,
		"stauts":                              exitUsage,
		"--frobnicate":                        exitUsage,
		"status --frobnicate":                 exitUsage,
		"status -o yaml":                      exitUsage,
		"status lb1":                          exitUsage,
		"status -c a --socket b":              exitUsage,
		"transfer lb1 lb2":                    exitUsage,
		"init --name a":                       exitUsage,
		"serve -c":                            exitUsage,
		"demo lb1":                            exitUsage,
		"demo --failover fast --heartbeat 1s": exitUsage,
		"help stauts":                         exitUsage,
		"completion":                          exitOK,
		"completion bash":                     exitOK,
		"completion foo":                      exitUsage,
		"completion bash foo":                 exitUsage,
		"init --name a --peer a=b=c":          exitUsage,
	} {
		var out, errOut strings.Builder
		if got := run(t.Context(), strings.Fields(line), &out, &errOut); got != want {
			t.Errorf("perch %s: exit code %d, want %d: %s", line, got, want, errOut.String())
		}
		if want != exitOK && out.Len() > 0 && !strings.Contains(line, "json") {
			t.Errorf("perch %s prints an error to standard output: %s", line, out.String())
		}
		if (want != exitOK) != (errOut.Len() > 0) && !strings.Contains(line, "json") {
			t.Errorf("perch %s: on standard error is %q", line, errOut.String())
		}
	}
}

// What cannot be written was not wrongly asked for.
func TestOutputThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, line := range []string{
		"version", "version -o json",
		"completion bash", "completion fish", "completion powershell", "completion zsh",
	} {
		var errOut strings.Builder
		code := run(t.Context(), strings.Fields(line), full, &errOut)
		if want := "write /dev/full: no space left on device\n"; code != exitError || !strings.HasSuffix(errOut.String(), want) {
			t.Errorf("perch %s: exit code %d, %q; want %d, …%q", line, code, errOut.String(), exitError, want)
		}
	}
}

func TestReportIsOneLinePerMistake(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		err  error
		want string
	}{
		{"one", t.Context(), &runError{errors.New("a")}, "perch: a\n"},
		{"two", t.Context(), &runError{errors.Join(errors.New("a"), errors.New("b\n"))}, "perch: a\nperch: b\n"},
		{"control characters", t.Context(), &runError{errors.New("a\x1b[2J\tb")}, "perch: a?[2J?b\n"},
		{"interrupt", interrupted, &runError{fmt.Errorf("ask: %w", context.Canceled)}, "perch: interrupted\n"},
		{"canceled by itself", t.Context(), &runError{context.Canceled}, "perch: context canceled\n"},
		{"told already", t.Context(), &runError{errReported}, ""},
	}
	for _, tt := range tests {
		cmd := &cobra.Command{}
		cmd.SetContext(tt.ctx)
		var errOut strings.Builder
		if code := report(&errOut, cmd, tt.err); code != exitError || errOut.String() != tt.want {
			t.Errorf("%s: reported %q with exit code %d, want %q", tt.name, errOut.String(), code, tt.want)
		}
	}
}

func TestVersionsOf(t *testing.T) {
	info := &debug.BuildInfo{
		Main: debug.Module{Version: "v0.0.0-2026"},
		Deps: []*debug.Module{{Path: "github.com/hashicorp/raft-boltdb/v2", Version: "v2.3.1"}, {Path: raftModule, Version: "v1.7.3"}},
	}
	if v := versionsOf(info, "v0.1.0"); v.Version != "v0.1.0" || v.Raft != "v1.7.3" {
		t.Errorf("released: %+v", v)
	}
	if v := versionsOf(info, ""); v.Version != "v0.0.0-2026" {
		t.Errorf("built by hand: %+v", v)
	}
	if v := versionsOf(&debug.BuildInfo{}, ""); v.Version != "(unknown)" || v.Raft != "(unknown)" {
		t.Errorf("built without information: %+v", v)
	}
}

// Every command has what its help should have.
func TestEveryCommandIsDescribed(t *testing.T) {
	for _, cmd := range newRootCommand().Commands() {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help is %q", cmd.Name(), cmd.Short)
		}
		runs := cmd.RunE != nil || cmd.Name() == "help" // which is cobra's
		if cmd.Args == nil || !runs || cmd.GroupID == "" {
			t.Errorf("%s lacks Args, RunE or a group", cmd.Name())
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if value, _ := pflag.UnquoteUsage(f); value != strings.ToUpper(value) {
				t.Errorf("%s: --%s does not name its value: it is %q", cmd.Name(), f.Name, value)
			}
		})
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			if len(strings.TrimRight(line, "\n")) > 80 {
				t.Errorf("%s: help is wider than 80 columns: %s", cmd.Name(), line)
			}
		}
	}
}
