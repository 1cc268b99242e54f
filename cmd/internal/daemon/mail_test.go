package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vrrp"
)

// authority is a certificate of nobody.
const authority = `-----BEGIN CERTIFICATE-----
MIIBKTCB0KADAgECAgEBMAoGCCqGSM49BAMCMAAwHhcNMjYwMTAxMDAwMDAwWhcN
`

// mailed is a [[notify]] with a mail and the password of a file.
func mailed(t *testing.T, password string) config.Notify {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Notify{On: []string{"master"}, Timeout: time.Minute, Mail: config.Mail{
		Server: "mail.example.com:587", To: []string{"ops@example.com", "root"}, SubjectPrefix: "[lb1]", TLS: "starttls", User: "lb1", PasswordFile: path,
	}}
}

func TestMailOfConfig(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	n := mailed(t, "secret\n")
	targets := newTargets(slog.New(slog.DiscardHandler))
	e, err := targets.entryOf(&n, "lb1")
	if err != nil {
		t.Fatal(err)
	}
	if e.Name != "mail to ops@example.com, root" || e.Lane != e.Key || e.Backlog != 0 {
		t.Errorf("entry %+v", e)
	}
	m, ok := e.Target.(*notify.Mail)
	if !ok || m.From != "root@"+host || m.Hello != host || m.Password != "secret" || m.User != "lb1" || m.Encryption != notify.StartTLS || m.Node != "lb1" {
		t.Errorf("target %+v", e.Target)
	}
	if strings.Contains(e.Key, "secret") {
		t.Errorf("the password is in the key: %s", e.Key)
	}
}

// What is another mail has another key, so that a reload does not go on with the old one: also
// for a password that has changed in its file.
func TestKeysOfMails(t *testing.T) {
	n := mailed(t, "secret")
	targets := newTargets(slog.New(slog.DiscardHandler))
	key := func() string {
		t.Helper()
		e, err := targets.entryOf(&n, "lb1")
		if err != nil {
			t.Fatal(err)
		}
		return e.Key
	}
	first := key()
	n.On = []string{"backup"}
	if again := key(); again != first {
		t.Errorf("for other events it is %s, was %s", again, first)
	}
	seen := map[string]bool{first: true}
	for _, change := range []func(){
		func() {
			if err := os.WriteFile(n.Mail.PasswordFile, []byte("another"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		func() { n.Mail.To = []string{"ops@example.com"} },
		func() { n.Mail.Server = "mail.example.com:25" },
		func() { n.Mail.SubjectPrefix = "" },
		func() { n.Mail.From = "lb1@example.com" },
		func() { n.Timeout = time.Second },
	} {
		change()
		if now := key(); seen[now] {
			t.Errorf("the key is the same after a change: %s", now)
		} else {
			seen[now] = true
		}
	}
}

func TestMailThatCannotBe(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bad, []byte(authority), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*config.Notify)
		want   string
	}{
		"no password":     {func(n *config.Notify) { n.Mail.PasswordFile = "/none" }, "read password_file: open /none"},
		"empty password":  {func(n *config.Notify) { _ = os.Truncate(n.Mail.PasswordFile, 0) }, "it is empty"},
		"open password":   {func(n *config.Notify) { _ = os.Chmod(n.Mail.PasswordFile, 0o644) }, "its mode is 0644"},
		"no authorities":  {func(n *config.Notify) { n.Mail.CAFile = "/none" }, "read ca_file: open /none"},
		"bad authorities": {func(n *config.Notify) { n.Mail.CAFile = bad }, "no certificate in PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			n := mailed(t, "secret")
			tc.change(&n)
			_, err := newTargets(slog.New(slog.DiscardHandler)).entriesOf(&config.Config{Notify: []config.Notify{n}})
			if err == nil || !strings.HasPrefix(err.Error(), "notify mail to ops@example.com, root: ") || !strings.Contains(err.Error(), tc.want) {
				t.Error(err)
			}
		})
	}
}

func TestHelloOf(t *testing.T) {
	for name, want := range map[string]string{"lb1.example.com": "lb1.example.com", "198.18.0.1": "[198.18.0.1]", "2001:db8::1": "[IPv6:2001:db8::1]"} {
		if got := helloOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// Events say what was before, also those of the end.
func TestBulletinSaysWhatWasBefore(t *testing.T) {
	before := notify.Kind("")
	want := func(events []notify.Event) {
		t.Helper()
		if len(events) != 3 {
			t.Errorf("%d events", len(events))
		}
		for _, e := range events {
			if e.Before != before {
				t.Errorf("%v: before it %q, want %q", e, e.Before, before)
			}
		}
	}
	b, removed := newBoard(), newBoard()
	for _, state := range []vrrp.State{vrrp.Backup, vrrp.Fault, vrrp.Backup, vrrp.Master} {
		want(b.heard(inState("inside", state), inState("outside", state)))
		removed.heard(inState("inside", state), inState("outside", state))
		before = kindsOfStates[state]
	}
	want(b.stop(b.setup))
	want(removed.trim(removed.setup, newSetup(&config.Config{})))
}
