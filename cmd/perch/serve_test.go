package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/daemon"
)

func TestServeCallsTheDaemon(t *testing.T) {
	var got daemon.Options
	wantErr := errors.New("the port is taken")
	cmd := newServeCommand(func(_ context.Context, o daemon.Options) error {
		got = o
		return wantErr
	})
	var log strings.Builder
	cmd.SetErr(&log)
	cmd.SetArgs([]string{"-c", "node.toml"})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.ExecuteContext(t.Context()); !errors.Is(err, wantErr) {
		t.Errorf("serve returned %v, want %v", err, wantErr)
	}
	if got.Version != currentVersion().Version || got.Log != &log {
		t.Errorf("the daemon got %+v", got)
	}
	if _, err := got.Config(); err == nil || !strings.Contains(err.Error(), "node.toml") {
		t.Errorf("the daemon's config is not node.toml: %v", err)
	}
}

// What was open as perch was started is not open in what it starts.
func TestServeKeepsInheritedFiles(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := unix.FcntlInt(file.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	cmd := newServeCommand(func(context.Context, daemon.Options) error {
		if flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("flags %#x of an inherited file, %v: a script would have it", flags, err)
		}
		return nil
	})
	cmd.SetArgs([]string{})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Error(err)
	}
}

// perchChatty is perch with a daemon that writes to its log until that fails.
func perchChatty() {
	cmd := newServeCommand(func(_ context.Context, o daemon.Options) error {
		var err error
		for err == nil {
			_, err = fmt.Fprintln(o.Log, "still here")
		}
		if !errors.Is(err, syscall.EPIPE) {
			return err
		}
		return nil
	})
	cmd.SetArgs([]string{})
	if err := cmd.ExecuteContext(context.Background()); err != nil {
		os.Exit(exitError)
	}
}

// A daemon that died with the reader of its log would leave its VIPs behind.
func TestServeOutlivesTheReaderOfItsLog(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = []string{"perch-chatty"}
	cmd.Env = append(os.Environ(), "GORACE="+promptExit)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(log, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	_ = log.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}
