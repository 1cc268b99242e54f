package main

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/config"
)

func TestEnsureSecret(t *testing.T) {
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "one"), filepath.Join(dir, "two")}
	var secrets []string
	for _, path := range paths {
		fate, err := ensureSecret(path, "no such group")
		if err != nil || fate != secretMade {
			t.Fatalf("ensureSecret = %v, %v", fate, err)
		}
		wantMode(t, path, 0o600)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, strings.TrimSpace(string(text)))
	}
	if secrets[0] == secrets[1] || len(secrets[0]) < cluster.MinSecret {
		t.Errorf("secrets are %q", secrets)
	}
	if fate, err := ensureSecret(paths[0], ""); err != nil || fate != secretKept {
		t.Errorf("again: ensureSecret = %v, %v", fate, err)
	}
	if text, _ := os.ReadFile(paths[0]); strings.TrimSpace(string(text)) != secrets[0] {
		t.Error("the secret was changed")
	}
}

// The shipped unit does not run as root.
func TestSecretIsReadableByTheDaemonsGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("needs root")
		}
		t.Skip("needs root, to give a file away")
	}
	path := filepath.Join(t.TempDir(), "secret")
	if _, err := ensureSecret(path, "nogroup"); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o640)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 0 || stat.Gid != nobody {
		t.Errorf("the secret belongs to %d:%d, want 0:%d", stat.Uid, stat.Gid, nobody)
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
}

func TestWriteNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	errOdd := errors.New("odd group")
	err := writeNew(path, 0o600, []byte("secret"), func(f *os.File) error {
		if info, err := f.Stat(); err != nil || info.Size() != 0 || info.Mode() != 0o600 {
			t.Errorf("prepared with %d bytes and mode %v", info.Size(), info.Mode())
		}
		return errOdd
	})
	if !errors.Is(err, errOdd) {
		t.Errorf("writeNew = %v, want %v", err, errOdd)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a file was left behind: %v", err)
	}
	for _, there := range []func() error{
		func() error { return os.WriteFile(path, []byte("mine"), 0o644) },
		func() error { return os.Symlink("/nowhere/file", path) },
	} {
		_ = os.Remove(path)
		if err := there(); err != nil {
			t.Fatal(err)
		}
		if err := writeNew(path, 0o600, []byte("secret")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over what is there: writeNew = %v, want %v", err, fs.ErrExist)
		}
	}
}

// What init writes is the example that people copy: also the lines that only
// show a default must be right.
func TestTheDraftsDefaultsAreTheConfigs(t *testing.T) {
	d := &draft{
		path: "perch.toml", Name: "lb1", Cluster: "edge", Secret: "/etc/perch/secret",
		Peers: []draftPeer{{"lb1", "198.18.0.1:7400"}, {"lb2", "198.18.0.2:7400"}, {"lb3", "198.18.0.3:7400"}},
		VIPs:  []string{"198.18.0.100/24"}, Interface: "eth0",
	}
	text, err := d.render()
	if err != nil {
		t.Fatal(err)
	}
	plain, warnings, err := config.Parse(d.path, text, "")
	if err != nil || len(warnings) > 0 {
		t.Fatalf("the draft: %v, warnings %v", err, warnings)
	}
	shown := regexp.MustCompile(`(?m)^# ([a-z_]+ = )`).ReplaceAll(text, []byte("$1"))
	if string(shown) == string(text) {
		t.Fatal("the draft shows no default")
	}
	explicit, _, err := config.Parse(d.path, shown, "")
	if err != nil {
		t.Fatalf("with its defaults written out:\n%s\n%v", shown, err)
	}
	golden(t, "draft", string(text))
	if diff := cmp.Diff(plain, explicit, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("what it shows as defaults is not what they are (-default +shown):\n%s", diff)
	}
}
