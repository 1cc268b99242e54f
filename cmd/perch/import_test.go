package main

import (
	"context"
	"testing"

	"github.com/spf13/cobra"
)

// An import that takes its time, as that of a file on a disk that hangs, ends at a signal.
func TestImportEndsAtASignal(t *testing.T) {
	ctx, signal := context.WithCancel(t.Context())
	hangs := make(chan struct{})
	defer close(hangs)
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	err := interruptible(func(*cobra.Command, []string) error {
		signal()
		<-hangs
		return nil
	})(cmd, nil)
	if err == nil || err.Error() != "interrupted" {
		t.Errorf("got %v", err)
	}
}
