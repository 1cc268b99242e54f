package daemon

import "testing"

func TestDecide(t *testing.T) {
	tests := []struct {
		s    situation
		want decision
	}{
		{situation{}, standby},
		{situation{leads: true}, hold},
		{situation{leads: true, drained: true}, handOver},
		{situation{leads: true, witness: true}, handOver},
		{situation{leads: true, unfenced: true}, handOver},
		{situation{leads: true, dark: true}, refrain},
		{situation{leads: true, dark: true, drained: true}, handOver},
		{situation{dark: true}, standby},
		{situation{drained: true}, standby},
		{situation{witness: true}, standby},
	}
	for _, tt := range tests {
		if got := decide(tt.s); got != tt.want {
			t.Errorf("decide(%+v) = %d, want %d", tt.s, got, tt.want)
		}
	}
}

func TestWhyMove(t *testing.T) {
	for s, want := range map[situation]string{
		{witness: true, drained: true}:  "lb1 is a witness",
		{drained: true, unfenced: true}: "lb1 is drained",
		{unfenced: true}:                "the fence of lb1 does not hold",
		{}:                              "the fence of lb1 does not hold", // it did not open
	} {
		if got := whyMove("lb1", s); got != want {
			t.Errorf("whyMove(%+v) = %q, want %q", s, got, want)
		}
	}
}
