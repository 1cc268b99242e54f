package daemon

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/config"
)

func TestRecoverySeesWhoRuns(t *testing.T) {
	open := func() (net.Listener, netip.AddrPort) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l, l.Addr().(*net.TCPAddr).AddrPort()
	}
	_, self := open()
	_, listed := open()
	_, member := open()
	gone, closed := open()
	gone.Close()
	r := &Recovery{
		Recovery: &cluster.Recovery{Members: []cluster.Member{{Name: "lb1", Address: self}, {Name: "lb4", Address: member}}},
		Config: &config.Config{
			Node:    config.Node{Name: "lb1"},
			Cluster: &config.Cluster{Peers: []config.Peer{{Name: "lb1", Address: self}, {Name: "lb2", Address: listed}, {Name: "lb3", Address: closed}}},
		},
	}
	if running := r.Running(t.Context()); !slices.Equal(running, []string{"lb2", "lb4"}) {
		t.Errorf("%q run, want lb2 and lb4", running)
	}
}

// The daemon may run as another user than the one who recovers.
func TestWhatRootWritesBelongsToTheOwnerOfTheDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("needs root")
		}
		t.Skip("needs root, to become somebody else")
	}
	const user, group = 12345, 12346
	dir := t.TempDir()
	file := filepath.Join(dir, "raft", "raft.db")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, user, group); err != nil {
		t.Fatal(err)
	}
	if err := giveTo(dir); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Dir(file), file} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != user || stat.Gid != group {
			t.Errorf("%s belongs to %d:%d", path, stat.Uid, stat.Gid)
		}
	}
}
