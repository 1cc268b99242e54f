package api

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// foreign is a user that this process is not.
const foreign = 4321

func TestListenUnixRefusesWhatOthersCouldReplace(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir, path string)
		want    string // "" = it listens
	}{
		{"a folder of root's", func(t *testing.T, dir, _ string) { change(t, os.Chmod(dir, 0o755)) }, ""},
		{"one of its own group", func(t *testing.T, dir, _ string) { change(t, os.Chmod(dir, 0o775)) }, ""},
		{"a sticky one", func(t *testing.T, dir, _ string) { change(t, os.Chmod(dir, os.ModeSticky|0o777)) }, ""},
		{"one of everybody", func(t *testing.T, dir, _ string) { change(t, os.Chmod(dir, 0o777)) }, "its folder has mode 0777, and others could replace it: chmod go-w "},
		{"one of another group", func(t *testing.T, dir, _ string) {
			change(t, os.Chown(dir, 0, foreign))
			change(t, os.Chmod(dir, 0o775))
		}, "its folder has mode 0775, and others could replace it"},
		{"one of another user", func(t *testing.T, dir, _ string) { change(t, os.Chown(dir, foreign, 0)) }, "its folder belongs to user 4321, who could replace it"},
		{"a dead socket of its own", func(t *testing.T, _, path string) { deadSocket(t, path) }, ""},
		{"a dead socket of another user", func(t *testing.T, _, path string) {
			deadSocket(t, path)
			change(t, os.Chown(path, foreign, 0))
		}, "one of user 4321 is there, and perch runs as user root: remove it"},
		{"a dead socket that others may use", func(t *testing.T, _, path string) {
			deadSocket(t, path)
			change(t, os.Chmod(path, 0o662))
		}, "one of mode 0662 is there, and perch makes them with 0660 at most"},
		{"a link to a dead socket", func(t *testing.T, dir, path string) {
			deadSocket(t, filepath.Join(dir, "other"))
			change(t, os.Symlink("other", path))
		}, "something else is there (Lrwxrwxrwx)"},
		{"a FIFO", func(t *testing.T, _, path string) { change(t, unix.Mkfifo(path, 0o600)) }, "something else is there (prw-------)"},
		{"a folder", func(t *testing.T, _, path string) { change(t, os.Mkdir(path, 0o700)) }, "something else is there (drwx------)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("/tmp", "perch-folder")
			change(t, err)
			defer os.RemoveAll(dir)
			path := filepath.Join(dir, "sock")
			test.prepare(t, dir, path)
			ln, err := ListenUnix(path)
			if err == nil {
				defer ln.Close()
			}
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
		})
	}
}

func change(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// deadSocket leaves the file of a socket that nobody listens on.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	change(t, err)
	ln.SetUnlinkOnClose(false)
	change(t, ln.Close())
	change(t, os.Chmod(path, socketMode))
}
