package cluster

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestRaftLoggerHoldsRepetitionsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := raftLogger(slog.New(slog.NewTextHandler(&out, nil)))
		lines := func() int { return strings.Count(out.String(), "\n") }
		for range 5 {
			log.Error("failed to heartbeat to", "peer", "lb2", "error", errors.New("timeout"))
		}
		log.Error("failed to heartbeat to", "peer", "lb3", "error", errors.New("timeout"))
		if lines() != 2 {
			t.Errorf("%d lines, want one for each peer:\n%s", lines(), &out)
		}
		time.Sleep(repeatInterval)
		log.Error("failed to heartbeat to", "peer", "lb2", "error", errors.New("timeout"))
		if !strings.Contains(out.String(), "suppressed=4") {
			t.Errorf("the number of suppressed lines is missing:\n%s", &out)
		}
		out.Reset()
		for term := range 3 {
			log.Info("election won", "term", term)
		}
		if lines() != 3 {
			t.Errorf("elections of different terms were suppressed:\n%s", &out)
		}
		out.Reset()
		log.Debug("pre-vote received")
		if lines() != 0 {
			t.Errorf("debug line at level info:\n%s", &out)
		}
	})
}

func TestRaftLoggerLowersLevelsAndFormats(t *testing.T) {
	var out bytes.Buffer
	log := raftLogger(slog.New(slog.NewTextHandler(&out, nil)))
	log.Error("boom", "servers", hclog.Fmt("%+v", []int{1, 2}))
	if got := out.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, `servers="[1 2]"`) {
		t.Error(got)
	}
}
