package checker

import (
	"context"
	"errors"
	"log/slog"
	"testing"
)

func TestBGPAsksForItsNeighbor(t *testing.T) {
	down := errors.New("neighbor 198.18.0.254 is in state Active")
	h := NewHost(slog.New(slog.DiscardHandler))
	look := func(target string) error {
		c, err := h.New(Spec{Kind: "bgp", Target: target})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Check(t.Context())
		return err
	}
	if err := look(""); !errors.Is(err, errNoBGP) {
		t.Errorf("without sessions: %v", err)
	}
	h.Follow(func(_ context.Context, neighbor string) error {
		if neighbor == "198.18.0.254" {
			return down
		}
		return nil
	})
	if err := look("198.18.0.254"); !errors.Is(err, down) {
		t.Errorf("of one that is down: %v", err)
	}
	if err := look(""); err != nil {
		t.Errorf("of any: %v", err)
	}
}
