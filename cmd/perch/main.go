//go:build !man

package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// A goroutine that gives its thread another namespace or other credentials ends the thread
// with itself. The main thread cannot end, and would show them in /proc as those of the
// whole process: it is for main alone. That holds from init on; main may run elsewhere already.
func init() { runtime.LockOSThread() }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
