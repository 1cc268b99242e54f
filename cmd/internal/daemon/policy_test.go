package daemon

import "testing"

func TestDecide(t *testing.T) {
	tests := []struct {
		s    standing
		want decision
	}{
		{standing{}, standby},
		{standing{leads: true}, hold},
		{standing{leads: true, drained: true}, handOver},
		{standing{leads: true, witness: true}, handOver},
		{standing{leads: true, unfenced: true}, handOver},
		{standing{drained: true}, standby},
		{standing{witness: true}, standby},
	}
	for _, tt := range tests {
		if got := decide(tt.s); got != tt.want {
			t.Errorf("decide(%+v) = %d, want %d", tt.s, got, tt.want)
		}
	}
}
