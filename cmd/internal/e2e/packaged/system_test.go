//go:build systemd

package packaged

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// files returns what is in the folders that packages and daemons write to, but for what the
// system's own programs write there all the time.
func files(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, root := range []string{"/etc", "/usr", "/var/lib", "/var/cache", "/run"} {
		must(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil: // it is gone meanwhile
				return nil
			case slices.Contains([]string{"/usr/lib/modules", "/run/systemd", "/run/udev", "/run/log", "/run/credentials", "/var/lib/dpkg", "/var/lib/rpm"}, path):
				return fs.SkipDir
			}
			found = append(found, path)
			return nil
		}))
	}
	return found
}

// foreign are not perch's: where there are shells, they or the system bring their folders, and
// where there are RPM packages, the system brings that of the licenses.
var foreign = []string{
	"/run/agetty.reload", "/usr/share/licenses", "/usr/share/fish", "/usr/share/fish/vendor_completions.d", "/usr/share/zsh", "/usr/share/zsh/site-functions",
}

// nothingLeft tells what is there now and was not before. Of the user, who stays, there are
// copies of the files that it is in.
func nothingLeft(t *testing.T, before []string) {
	t.Helper()
	for _, path := range files(t) {
		isCopy := strings.HasPrefix(path, "/etc/") && strings.HasSuffix(path, "-") || path == "/etc/.pwd.lock"
		if _, had := slices.BinarySearch(before, path); !had && !isCopy && !slices.Contains(foreign, path) {
			t.Errorf("%s is left", path)
		}
	}
}

// belongs tells whose a file is and its mode: "root:perch 0640".
func belongs(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	u, err := user.LookupId(strconv.Itoa(int(stat.Uid)))
	must(t, err)
	g, err := user.LookupGroupId(strconv.Itoa(int(stat.Gid)))
	must(t, err)
	return u.Username + ":" + g.Name + " 0" + strconv.FormatInt(int64(info.Mode().Perm()), 8)
}

func wantBelongs(t *testing.T, path, want string) {
	t.Helper()
	if got := belongs(t, path); got != want {
		t.Errorf("%s: %s, want %s", path, got, want)
	}
}
