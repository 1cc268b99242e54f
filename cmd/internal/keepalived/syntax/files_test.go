package syntax

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
)

func TestGlob(t *testing.T) {
	files := FSFiles{fstest.MapFS{}}
	folder := t.TempDir()
	for _, name := range []string{"b.conf", "a.conf", ".hidden.conf", "a.txt", "site1/x.conf", "site2/x.conf", "site2/y.conf", "lone/[x"} {
		files.FS.(fstest.MapFS)[name] = &fstest.MapFile{}
		if err := os.MkdirAll(filepath.Join(folder, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ pattern, want string }{
		{"/*.conf", "/a.conf /b.conf"},
		{"/.*.conf", "/.hidden.conf"},
		{"/?.conf", "/a.conf /b.conf"},
		{"/[^a].conf", "/b.conf"},
		{"/site*/x.conf", "/site1/x.conf /site2/x.conf"},
		{"/site[12]/*.conf", "/site1/x.conf /site2/x.conf /site2/y.conf"},
		{"/none*", ""},
		{"/none*/x", ""},
		{"/a.conf/*", "error"},
		{"/nowhere/*", "error"},
		{"/[", ""},
	}
	for _, test := range tests {
		for in, files := range map[string]Files{"": files, folder: OSFiles{}} {
			paths, err := files.Glob(in + test.pattern)
			got := strings.ReplaceAll(strings.Join(paths, " "), folder, "")
			if err != nil {
				got = "error"
			}
			if got != test.want {
				t.Errorf("%s in %T: %s, want %s", test.pattern, files, got, test.want)
			}
		}
	}
}

func TestGlobIsBounded(t *testing.T) {
	g := globber{folders: 10, list: func(string) ([]string, error) { return []string{"a", "b"}, nil }}
	if _, err := g.glob(strings.Repeat("*/", 30) + "*"); !errors.Is(err, errFolders) {
		t.Errorf("error is %v", err)
	}
}

func TestBraces(t *testing.T) {
	tests := []struct {
		pattern string
		want    []string
	}{
		{"a", []string{"a"}},
		{"a{b,c}d", []string{"abd", "acd"}},
		{"{a,b}{1,2}", []string{"a1", "a2", "b1", "b2"}},
		{"{foo/{,cat,dog},bar}", []string{"foo/", "foo/cat", "foo/dog", "bar"}},
		{"{a}", []string{"a"}},
		{"{}", []string{"{}"}},
		{"{a,b", []string{"{a,b"}},
		{"a,b}", []string{"a,b}"}},
		{`\{a,b}`, []string{`\{a,b}`}},
		{"{a,}", []string{"a", ""}},
	}
	for _, test := range tests {
		got, err := braces(test.pattern)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", test.pattern, err, diff)
		}
	}
}

func TestOSFiles(t *testing.T) {
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "k.conf")
	if err := os.WriteFile(path, []byte("x ${_PWD}\ninclude .\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	c, err := Parse(link+"/k.conf", Options{})
	if err != nil || len(c.Statements) != 1 || c.Statements[0].Args()[0] != folder || len(c.Remarks) != 1 {
		t.Errorf("config %+v, error %v", c, err)
	}
	special(t, folder)
	unreadable(t, folder)
	if _, err := Parse(folder+"/fifo", Options{}); err == nil || !strings.Contains(err.Error(), config.ErrNotRegular.Error()) {
		t.Errorf("a FIFO: error %v", err)
	}
	if _, err := Parse(folder+"/none", Options{}); err == nil || err.Error() != folder+"/none:1: no such file or directory" {
		t.Errorf("a missing file: error %v", err)
	}
	if _, err := (OSFiles{}).Mode(folder + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: error %v", err)
	}
}

// special tries files without an end, which are mistakes to include.
func special(t *testing.T, folder string) {
	t.Helper()
	path := filepath.Join(folder, "special.conf")
	for _, file := range []string{"fifo", "fif*", "/dev/zero", "/proc/kmsg"} {
		if err := os.WriteFile(path, []byte("include "+file+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := os.Open(file); errors.Is(err, fs.ErrPermission) {
			t.Logf("only root may read %s", file)
			continue
		} else if err == nil {
			_ = f.Close()
		}
		_, err := Parse(path, Options{})
		if err == nil || !strings.Contains(err.Error(), ":1: include ") || !strings.Contains(err.Error(), "is no regular file") {
			t.Errorf("include %s: error %v", file, err)
		}
	}
}

// unreadable tries files that keepalived passes over, or that are too large.
func unreadable(t *testing.T, folder string) {
	t.Helper()
	path := filepath.Join(folder, "run.conf")
	if err := os.WriteFile(path, []byte("x\ninclude dangling*\ninclude large\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(folder, "dangling")); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(folder, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, int64(defaultLimits.bytes)+1); err != nil {
		t.Fatal(err)
	}
	c, err := Parse(path, Options{})
	if err != nil || len(c.Files) != 1 {
		t.Fatalf("config %+v, error %v", c, err)
	}
	want := []string{"may be executed", "dangling: no such file", "too large"}
	for i, r := range c.Remarks {
		if i >= len(want) || r.Line != i+1 || !strings.Contains(r.Text, want[i]) {
			t.Errorf("remark %s", r)
		}
	}
	if len(c.Remarks) != len(want) {
		t.Errorf("%d remarks, want %d", len(c.Remarks), len(want))
	}
}
