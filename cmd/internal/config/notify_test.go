package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNotify(t *testing.T) {
	want := []Notify{
		{
			On:         []string{"master", "backup", "fault", "stop", "deleted"},
			VRRP:       []string{"gw", "lan"},
			SyncGroups: []string{"both"},
			Exec:       []string{"/usr/local/bin/tell", "it"},
			Arguments:  "keepalived",
			User:       "keepalived_script",
			Timeout:    5 * time.Second,
		},
		{
			On:        []string{"server_up", "server_down", "quorum_up", "quorum_down"},
			Services:  []string{"web"},
			Arguments: "none",
			FIFO:      "/run/perch/events",
			User:      "root",
			Timeout:   30 * time.Second,
		},
		{
			On:        []string{"master_priority", "backup_priority", "master_rx_lower_pri", "owner", "standby"},
			Arguments: "none",
			Exec:      []string{"/usr/local/bin/tell"},
			Timeout:   30 * time.Second,
		},
	}
	c := mustParse(t, readFile(t, "testdata/ok/notify-every-key.toml"))
	if diff := cmp.Diff(want, c.Notify); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
