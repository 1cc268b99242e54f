package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cluster"
)

// stoppedNode makes the data directory of a node that was in a cluster of its own,
// and returns its config file.
func stoppedNode(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	runOnce(t, filepath.Join(dir, "data", "raft"), address)
	file := filepath.Join(dir, "perch.toml")
	text := fmt.Sprintf(`[node]
name = "lb1"
data_dir = %q
[cluster]
name = "edge"
insecure = true
failover = "fast"
[[cluster.peer]]
name = "lb1"
address = %q
`, filepath.Join(dir, "data"), address)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// runOnce runs a node until it owns.
func runOnce(t *testing.T, dir string, address netip.AddrPort) {
	t.Helper()
	credentials, err := cluster.CredentialsFromSecret(nil, "edge", "lb1")
	if err != nil {
		t.Fatal(err)
	}
	node, err := cluster.Open(cluster.Config{
		Name: "edge", Node: "lb1", Heartbeat: 100 * time.Millisecond, Dir: dir, Credentials: credentials,
		Peers:   []cluster.Peer{{Name: "lb1", Address: address, Priority: 100}},
		Release: func() error { return nil }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	eventually(t, "owner", func() bool { return node.Ownership().Leads(node.Now()) })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestRecover(t *testing.T) {
	file := stoppedNode(t)
	data := filepath.Join(filepath.Dir(file), "data")
	var out, errOut strings.Builder
	if code := run(t.Context(), []string{"recover", "-c", file, "--cluster", "inside"}, &out, &errOut); code != exitUsage {
		t.Errorf("another cluster's name: exit code %d", code)
	}
	if kept, _ := filepath.Glob(data + ".before-recover-*"); len(kept) > 0 {
		t.Errorf("%q was made before anybody agreed", kept)
	}
	for _, want := range []string{
		"This makes lb1 the only member of cluster edge.", "Members until now: lb1 at 127.0.0.1:", "no move of the VIPs",
		"two nodes may own\n  the VIPs at once", "for 100ms or longer", "--cluster inside, but this is a node of cluster edge",
	} {
		if !strings.Contains(errOut.String(), want) {
			t.Errorf("it does not say %q: %s", want, errOut.String())
		}
	}
	out.Reset()
	if code := run(t.Context(), []string{"recover", "-c", file, "--cluster", "edge", "-o", "json"}, &out, &errOut); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	var result recoverResult
	if err := json.Unmarshal([]byte(out.String()), &result); err != nil || result.Cluster != "edge" || result.Node != "lb1" || len(result.Before) != 1 {
		t.Errorf("%v: %s", err, out.String())
	}
	info, err := os.Stat(result.Copy)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the copy %s: %v, %v", result.Copy, info, err)
	}
	if _, err := os.Stat(filepath.Join(result.Copy, "raft", "raft.db")); err != nil {
		t.Error(err)
	}
}

func TestRecoverAsksTwice(t *testing.T) {
	for said, want := range map[string]error{
		"yes\nedge\n":          nil,
		"  yes \n edge \nmore": nil,
		"yes\ninside\n":        errNotAgreed,
		"yes\n":                errNotAgreed,
		"no\nedge\n":           errNotAgreed,
		"\nedge\n":             errNotAgreed,
		"":                     errNotAgreed,
	} {
		var out strings.Builder
		if err := askTwice(t.Context(), strings.NewReader(said), &out, "edge"); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", said, err, want)
		}
		if !strings.Contains(out.String(), "stopped on all other nodes") {
			t.Errorf("it asks %q", out.String())
		}
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	unsaid, _ := net.Pipe()
	defer unsaid.Close()
	if err := askTwice(interrupted, unsaid, &strings.Builder{}, "edge"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
