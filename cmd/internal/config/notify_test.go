package config

import (
	"path/filepath"
	"strings"
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
			Reader:    []string{"/usr/local/bin/read", "all"},
			User:      "root",
			Timeout:   30 * time.Second,
		},
		{
			On:             []string{"master", "backup", "fault", "owner", "standby"},
			Arguments:      "none",
			FIFO:           "/run/perch/states",
			StatesOnReload: true,
			Timeout:        30 * time.Second,
		},
		{
			On:        []string{"master_priority", "backup_priority", "master_rx_lower_pri", "owner", "standby"},
			Arguments: "none",
			Exec:      []string{"/usr/local/bin/tell"},
			Timeout:   30 * time.Second,
		},
		{
			On:        []string{"fault"},
			Arguments: "none",
			Timeout:   5 * time.Second,
			Mail: Mail{
				Server:       "mail.example.com:465",
				From:         "perch@example.com",
				To:           []string{"ops@example.com", "root", "ops@[198.18.0.25]", "ops@[IPv6:2001:db8::25]"},
				Hello:        "lb1.example.com",
				TLS:          "tls",
				CAFile:       "/etc/perch/ca.pem",
				User:         "perch",
				PasswordFile: "/etc/perch/mail-password",
			},
		},
		{
			On:        []string{"fault"},
			Arguments: "none",
			Timeout:   30 * time.Second,
			Mail: Mail{
				Server:        "mail.example.com:587",
				To:            []string{"ops@example.com"},
				SubjectPrefix: "[lb1]",
				TLS:           "starttls",
				User:          "perch",
				PasswordFile:  "/etc/perch/mail-password",
			},
		},
		{
			On:        []string{"fault"},
			Arguments: "none",
			Timeout:   30 * time.Second,
			Mail: Mail{
				Server:        "[::1]:25",
				To:            []string{"ops@example.com"},
				SubjectPrefix: "[lb1]",
				TLS:           "opportunistic",
				User:          "perch",
				PasswordFile:  "/etc/perch/mail-password",
			},
		},
		{
			On:        []string{"master", "backup"},
			Arguments: "none",
			Timeout:   5 * time.Second,
			Webhook: Webhook{
				URL:        "https://hooks.example.com:8443/perch?token=x",
				SecretFile: "/etc/perch/webhook-secret",
				TokenFile:  "/etc/perch/webhook-token",
				CAFile:     "/etc/perch/ca.pem",
			},
		},
		{
			On:        []string{"master"},
			Arguments: "none",
			Timeout:   30 * time.Second,
			Webhook:   Webhook{URL: "http://127.0.0.1:8080/", TokenFile: "/etc/perch/webhook-token"},
		},
		{
			VRRP:      []string{"gw"},
			Arguments: "none",
			Converge:  []string{"/usr/local/bin/claim", "eipalloc-1"},
			Every:     5 * time.Minute,
			User:      "root",
			Timeout:   time.Minute,
		},
		{
			Arguments: "none",
			Converge:  []string{"/usr/local/bin/claim"},
			Timeout:   30 * time.Second,
		},
	}
	c := mustParse(t, readFile(t, "testdata/ok/notify-every-key.toml"))
	if diff := cmp.Diff(want, c.Notify); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The events are those of the table in docs/notify.md, with what they are about.
func TestEventsAreDocumented(t *testing.T) {
	text := readFile(t, filepath.Join(top, "docs/notify.md"))
	_, table, _ := strings.Cut(text, "\n| Event | About | When |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []string
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			documented = append(documented, ticked(cells[1])...)
		}
	}
	if diff := cmp.Diff(eventNames(), documented); diff != "" {
		t.Errorf("events (-known +documented):\n%s", diff)
	}
}

// At port 465 servers speak TLS from the begin, and wait for a client that does not.
func TestMailsToPort465GoByTLS(t *testing.T) {
	for server, want := range map[string]string{"mail.example.com:465": "tls", "mail.example.com:25": "opportunistic"} {
		c := mustParse(t, "[[vrrp]]\nname = \"gw\"\ninterface = \"eth0\"\nvrid = 1\naddresses = [\"198.18.0.1/24\"]\n"+
			"[[notify]]\non = [\"master\"]\n[notify.mail]\nserver = \""+server+"\"\nto = [\"root\"]\n")
		if got := c.Notify[0].Mail.TLS; got != want {
			t.Errorf("to %s by %s, want %s", server, got, want)
		}
	}
}
