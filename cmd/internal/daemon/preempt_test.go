package daemon

import (
	"testing"
	"time"
)

func TestPreemptionWaitsForOneNodeToStayBetter(t *testing.T) {
	var p preemption
	for _, tt := range []struct {
		at     time.Duration
		better string
		want   string
	}{
		{0, "", ""},
		{1 * time.Second, "lb1", ""},
		{30 * time.Second, "lb1", ""},
		{31 * time.Second, "lb1", "lb1"},  // 30 s
		{32 * time.Second, "lb1", ""},     // it did not take over
		{60 * time.Second, "lb1", ""},     //
		{61 * time.Second, "lb1", "lb1"},  // 30 s later
		{70 * time.Second, "", ""},        // it went
		{91 * time.Second, "lb1", ""},     // and came back
		{120 * time.Second, "lb2", ""},    // another one is better
		{121 * time.Second, "lb1", ""},    //
		{150 * time.Second, "lb1", ""},    //
		{151 * time.Second, "lb1", "lb1"}, //
	} {
		if got := p.step(tt.at, tt.better, 30*time.Second); got != tt.want {
			t.Errorf("at %s: %q, want %q", tt.at, got, tt.want)
		}
	}
}
