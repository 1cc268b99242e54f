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
)

// posted is a [[notify]] with a webhook, and the files of its secrets.
func posted(t *testing.T) config.Notify {
	t.Helper()
	dir := t.TempDir()
	n := config.Notify{On: []string{"owner"}, Timeout: time.Minute, Webhook: config.Webhook{
		URL: "https://hooks.example.com:8443/T0/geheim?key=geheim", SecretFile: filepath.Join(dir, "secret"), TokenFile: filepath.Join(dir, "token"),
	}}
	for path, text := range map[string]string{n.Webhook.SecretFile: "0123456789abcdef\n", n.Webhook.TokenFile: "a-token\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func webhookEntry(n *config.Notify) (notify.Entry, error) {
	targets := newTargets(slog.New(slog.DiscardHandler))
	targets.version = "1.2"
	return targets.entryOf(n, "lb1")
}

func TestWebhookOfConfig(t *testing.T) {
	n := posted(t)
	e, err := webhookEntry(&n)
	if err != nil {
		t.Fatal(err)
	}
	if e.Name != "webhook https://hooks.example.com:8443/…" || e.Lane != e.Key || e.Backlog != 0 {
		t.Errorf("entry %+v", e)
	}
	w, ok := e.Target.(*notify.Webhook)
	if !ok || w.Agent != "perch/1.2" || w.Node != "lb1" || string(w.Secret) != "0123456789abcdef" || w.Token != "a-token" || w.URL.String() != n.Webhook.URL {
		t.Errorf("target %+v", e.Target)
	}
	for _, secret := range []string{"geheim", "0123456789abcdef", "a-token"} {
		if strings.Contains(e.Key, secret) || strings.Contains(e.Name, secret) {
			t.Errorf("%s is in %q or %q", secret, e.Name, e.Key)
		}
	}
}

// What is another webhook has another key, so that a reload does not go on with the old one.
func TestKeysOfWebhooks(t *testing.T) {
	n := posted(t)
	seen := map[string]bool{}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, change := range []func(){
		func() {},
		func() { write(n.Webhook.SecretFile, "another-secret-of-tests") },
		func() { write(n.Webhook.TokenFile, "another") },
		func() { n.Webhook.URL += "x" },
		func() { n.Timeout = time.Second },
		func() { n.Webhook.TokenFile = "" },
	} {
		change()
		e, err := webhookEntry(&n)
		if err != nil || seen[e.Key] {
			t.Errorf("change %d: the key is the same (%v)", i, err)
		}
		seen[e.Key] = true
	}
	n.On = []string{"standby"}
	if e, _ := webhookEntry(&n); !seen[e.Key] {
		t.Error("for other events it is another")
	}
}

func TestWebhookThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*config.Notify){
		"read signing_secret_file: open /none":      func(n *config.Notify) { n.Webhook.SecretFile = "/none" },
		"fewer than 16 bytes":                       func(n *config.Notify) { _ = os.WriteFile(n.Webhook.SecretFile, []byte("0123456789abcde"), 0o600) },
		"its mode is 0644":                          func(n *config.Notify) { _ = os.Chmod(n.Webhook.SecretFile, 0o644) },
		"its mode is 0604":                          func(n *config.Notify) { _ = os.Chmod(n.Webhook.TokenFile, 0o604) },
		"must be one line":                          func(n *config.Notify) { _ = os.WriteFile(n.Webhook.TokenFile, []byte("a\nb"), 0o600) },
		"must be one line of at least one visible ": func(n *config.Notify) { _ = os.Truncate(n.Webhook.TokenFile, 0) },
		"read ca_file: open /none":                  func(n *config.Notify) { n.Webhook.CAFile = "/none" },
	} {
		n := posted(t)
		change(&n)
		_, err := newTargets(slog.New(slog.DiscardHandler)).entriesOf(&config.Config{Notify: []config.Notify{n}})
		if err == nil || !strings.HasPrefix(err.Error(), "notify webhook https://hooks.example.com:8443/…: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestNamesOfWebhooks(t *testing.T) {
	for address, want := range map[string]string{
		"https://h/":           "webhook https://h",
		"https://h":            "webhook https://h",
		"http://h:80/a":        "webhook http://h:80/…",
		"https://[::1]/?k=v":   "webhook https://[::1]/…",
		"https://h\x7f/geheim": "webhook",
	} {
		if got := webhookName(address); got != want {
			t.Errorf("%q: %s, want %s", address, got, want)
		}
	}
}
