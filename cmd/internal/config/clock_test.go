package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClock(t *testing.T) {
	for file, want := range map[string]*Clock{
		"least":           nil,
		"clock-least":     {"/etc/chrony/sources.d", "/run/chrony/chronyd.sock", "/usr/bin/chronyc", 30 * time.Second, 100 * time.Millisecond},
		"clock-every-key": {"/run/chrony-dhcp", "/run/chrony/other.sock", "/usr/local/bin/chronyc", time.Second, time.Hour},
	} {
		if diff := cmp.Diff(want, mustParse(t, readFile(t, "testdata/ok/"+file+".toml")).Clock); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}
