package daemon

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

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
