package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// What chronyd allows, and where it looks for sources, may be in any of its files.
func TestChronyOfFiles(t *testing.T) {
	clock := &config.Clock{Chronyc: "/usr/bin/chronyc", SourcesDir: "/etc/chrony/sources.d", Socket: "/run/chrony/chronyd.sock"}
	for name, c := range map[string]struct {
		files map[string]string
		want  Chrony
	}{
		"nothing": {nil, Chrony{NoFile: true, NoDir: true}},
		"Debian's": {
			map[string]string{
				"usr/bin/chronyc":                "",
				"etc/chrony/sources.d/README":    "",
				"etc/chrony/chrony.conf":         "confdir /etc/chrony/conf.d\n# allow all\nsourcedir /run/chrony-dhcp\nsourcedir /etc/chrony/sources.d\n",
				"etc/chrony/conf.d/peers.conf":   "Allow 198.18.0.0/24\n",
				"etc/chrony/conf.d/other.ignore": "sourcedir /nowhere\n",
			},
			Chrony{Conf: "/etc/chrony/chrony.conf", Allows: true, Sources: []string{"/run/chrony-dhcp", "/etc/chrony/sources.d"}},
		},
		"Red Hat's": {
			map[string]string{"usr/bin/chronyc": "", "etc/chrony.conf": "pool 2.rhel.pool.ntp.org iburst\ninclude /etc/chrony.d/*\n", "etc/chrony.d/x": "include /etc/chrony.d/x\n"},
			Chrony{Conf: "/etc/chrony.conf", NoDir: true},
		},
	} {
		dir := t.TempDir()
		for path, text := range c.files {
			at := filepath.Join(dir, path)
			must(t, os.MkdirAll(filepath.Dir(at), 0o755))
			must(t, os.WriteFile(at, []byte(text), 0o644))
		}
		got := files(dir).chrony(&config.Config{Clock: clock})
		if got.NoDir != (got.Dir.Path == "") || !got.NoDir && got.Dir.Mode&0o700 != 0o700 {
			t.Errorf("%s: the folder is %+v", name, got.Dir)
		}
		got.Dir = Folder{}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got := files(dir).chrony(&config.Config{}); got.NoFile || got.Conf != "" {
			t.Errorf("%s, without a [clock]: %+v", name, got)
		}
	}
}

// Who may write is told as the kernel has it: the owner's bits are the owner's alone.
func TestFolderTakes(t *testing.T) {
	for _, c := range []struct {
		mode   os.FileMode
		uid    int
		groups []int
		want   bool
	}{
		{0o700, 0, nil, true},
		{0o755, 7, nil, true},
		{0o077, 7, []int{8}, false},
		{0o770, 9, []int{1, 8}, true},
		{0o707, 9, []int{8}, false},
		{0o775, 9, []int{9}, false},
		{0o760, 9, []int{8}, false},
		{0o777, 9, nil, true},
	} {
		if got := (Folder{"/d", 7, 8, c.mode}).takes(c.uid, c.groups...); got != c.want {
			t.Errorf("mode %o of 7:8, user %d of %v: %v", c.mode, c.uid, c.groups, got)
		}
	}
}
