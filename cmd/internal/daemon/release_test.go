package daemon

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/perch-vip/perch/vip/fence"
)

// What was decided before a part hung opens the fence no more.
func TestReleaseAllShutsTheFence(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	f, err := fence.New(fence.Lifetime, log)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{log: log, fence: f}
	before := f.Epoch()
	d.releaseAll()
	if err := f.Open(before, time.Hour); !errors.Is(err, fence.ErrStale) {
		t.Errorf("the fence is opened by what was decided before the release: %v", err)
	}
}
