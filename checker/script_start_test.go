package checker

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("this test needs root")
	}
	t.Skip("this test needs root")
}

func TestScriptsThatCannotBegin(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	plain := file("plain", "#!/bin/sh\n", 0o644)
	for path, want := range map[string]string{
		dir + "/none":                   ": no such file",
		plain + "/below":                ": no such file",
		plain:                           ": not executable (mode 0644)",
		dir:                             ": is a folder",
		file("text", "exit 0\n", 0o755): ": neither a program nor a script with a #! line",
		file("empty", "", 0o755):        ": neither a program nor a script with a #! line",
		file("lost", "#!/no/such/sh -e\n", 0o755):   ": interpreter /no/such/sh: no such file",
		file("dos", "#!/bin/sh\r\nexit 0\n", 0o755): `: interpreter "/bin/sh\r": no such file`,
	} {
		leavesNothing(t, func() {
			_, got := runScript(t, enough, Script{Argv: []string{path}})
			if !strings.HasSuffix(got, want) {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		})
	}
}

func TestScriptInterpreterThatIsMissing(t *testing.T) {
	path := writeScript(t, "#!/no/such/sh -e\n")
	s := &scriptCheck{argv: []string{path}}
	_, err := startScript(s.argv, nil, nil)
	if err == nil {
		t.Fatal("it begins")
	}
	want := path + ": interpreter /no/such/sh: no such file"
	if got := s.explainStart(err).Error(); got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestWrongScriptSpecs(t *testing.T) {
	for _, c := range []struct {
		spec Script
		want string
	}{
		{Script{}, `argv []: the first one must be an absolute path`},
		{Script{Argv: []string{"check.sh", "x"}}, `argv ["check.sh" "x"]: the first one must be an absolute path`},
		{Script{Argv: []string{"/bin/true", "a\x00b"}}, `argv ["/bin/true" "a\x00b"]: a NUL cannot be passed on`},
		{Script{Argv: []string{"/bin/true"}, User: "no-such-user"}, `user "no-such-user": not known on this machine`},
	} {
		_, err := testHost().New(Spec{Kind: "script", Script: c.spec})
		if err == nil || err.Error() != c.want {
			t.Errorf("%v: %v, want %q", c.spec, err, c.want)
		}
	}
}

func TestScriptAsAnotherUser(t *testing.T) {
	needRoot(t)
	nobody, err := user.Lookup("nobody")
	must(t, err)
	want := fmt.Sprintf("exit code 1: %s:%s:%s", nobody.Uid, nobody.Gid, nobody.Gid)
	argv := []string{"/bin/sh", "-c", `echo "$(id -u):$(id -g):$(id -G)"; exit 1`}
	if _, got := runScript(t, enough, Script{Argv: argv, User: "nobody"}); got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestScriptHasTheGroupsOfItsUser(t *testing.T) {
	needRoot(t)
	as := &account{name: "x", id: 12345, gid: 12346, gids: []uint32{12346, 12347}}
	argv := []string{"/bin/sh", "-c", `echo "$(id -u):$(id -g):$(id -G)"; exit 1`}
	if _, got := findingOf(&scriptCheck{argv: argv, account: as}, enough); got != "exit code 1: 12345:12346:12346 12347" {
		t.Errorf("reason %q", got)
	}
}

func TestScriptThatAnotherUserMayNotRun(t *testing.T) {
	needRoot(t)
	path := shell(t, "exit 0")
	must(t, os.Chmod(path, 0o700))
	_, got := runScript(t, enough, Script{Argv: []string{path}, User: "nobody"})
	if want := path + ": user nobody may not run it"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

// What an unprivileged user's script leaves behind ends too.
func TestScriptOfAnotherUserLeavesNothing(t *testing.T) {
	needRoot(t)
	argv := []string{"/bin/sh", "-c", "(setsid sleep 1000 >/dev/null 2>&1 &); exit 1"}
	leavesNothing(t, func() { runScript(t, enough, Script{Argv: argv, User: "nobody"}) })
}

// tree is what a script that root would run is in.
type tree struct {
	t      *testing.T
	folder string // of root, with a link to it beside
	script string
	link   string
}

func newTree(t *testing.T) *tree {
	needRoot(t)
	top := t.TempDir()
	folder := filepath.Join(top, "folder")
	w := &tree{t: t, folder: folder, script: filepath.Join(folder, "check"), link: filepath.Join(top, "link")}
	must(t, os.Mkdir(folder, 0o755), os.WriteFile(w.script, []byte("#!/bin/sh\nexit 0\n"), 0o755),
		os.Symlink("folder/../folder/check", w.link))
	return w
}

// refuses looks at the script by its name and by the link.
func (w *tree) refuses(want string) {
	w.t.Helper()
	for _, path := range []string{w.script, w.link} {
		_, got := runScript(w.t, enough, Script{Argv: []string{path}})
		if got != want {
			w.t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestScriptThatOthersCanChangeIsNotRunByRoot(t *testing.T) {
	const refused = ": refused because it would run as root"
	for _, c := range []struct {
		name  string
		spoil func(*tree) error
		want  func(*tree) string
	}{
		{
			"nothing wrong", func(*tree) error { return nil },
			func(*tree) string { return "" },
		},
		{
			"file of all", func(w *tree) error { return os.Chmod(w.script, 0o777) },
			func(w *tree) string { return w.script + " is writable by others (mode 0777)" + refused },
		},
		{
			"file of a group", func(w *tree) error { return os.Chmod(w.script, 0o775) },
			func(w *tree) string { return w.script + " is writable by others (mode 0775)" + refused },
		},
		{
			"sticky file", func(w *tree) error { return os.Chmod(w.script, 0o777|os.ModeSticky) },
			func(w *tree) string { return w.script + " is writable by others (mode 0777)" + refused },
		},
		{
			"file of another", func(w *tree) error { return os.Chown(w.script, 12345, 0) },
			func(w *tree) string { return w.script + " does not belong to root" + refused },
		},
		{
			"folder of all", func(w *tree) error { return os.Chmod(w.folder, 0o777) },
			func(w *tree) string { return w.folder + " is writable by others (mode 0777)" + refused },
		},
		{
			"folder of another", func(w *tree) error { return os.Chown(w.folder, 12345, 0) },
			func(w *tree) string { return w.folder + " does not belong to root" + refused },
		},
		{
			"sticky folder", func(w *tree) error { return os.Chmod(w.folder, 0o777|os.ModeSticky) },
			func(*tree) string { return "" },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTree(t)
			must(t, c.spoil(w))
			w.refuses(c.want(w))
		})
	}
}

// A folder that was well is not for ever: each look looks.
func TestScriptThatOthersCanChangeLaterIsNotRunByRoot(t *testing.T) {
	w := newTree(t)
	c := made(t, testHost(), Spec{Kind: "script", Script: Script{Argv: []string{w.script}}})
	if _, got := findingOf(c, enough); got != "" {
		t.Fatalf("reason %q", got)
	}
	must(t, os.Chmod(w.script, 0o757))
	if _, got := findingOf(c, enough); got == "" {
		t.Error("it is run")
	}
}

func TestScriptBehindALinkOfAnotherIsNotRunByRoot(t *testing.T) {
	w := newTree(t)
	must(t, os.Lchown(w.link, 12345, 0))
	_, got := runScript(t, enough, Script{Argv: []string{w.link}})
	if want := w.link + " does not belong to root: refused because it would run as root"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestScriptWithInterpreterThatOthersCanChangeIsNotRunByRoot(t *testing.T) {
	w := newTree(t)
	must(t, os.Chmod(w.script, 0o775))
	path := writeScript(t, "#! "+w.script+" -x\n")
	_, got := runScript(t, enough, Script{Argv: []string{path}})
	want := path + ": interpreter " + w.script + " is writable by others (mode 0775): refused because it would run as root"
	if got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestScriptThatOthersCanChangeIsRunAsAnother(t *testing.T) {
	w := newTree(t)
	top := w.folder
	for ; top != os.TempDir() && top != "/"; top = filepath.Dir(top) {
		must(t, os.Chmod(top, 0o755))
	}
	must(t, os.Chmod(w.script, 0o777))
	if _, got := runScript(t, enough, Script{Argv: []string{w.script}, User: "nobody"}); got != "" {
		t.Errorf("reason %q", got)
	}
}

func TestLinksInACircle(t *testing.T) {
	needRoot(t)
	path := filepath.Join(t.TempDir(), "circle")
	must(t, os.Symlink(path, path))
	if err := onlyRootWrites(path); err == nil || err.Error() != path+": too many symbolic links" {
		t.Errorf("error %v", err)
	}
}

func TestNumbersGivenSince(t *testing.T) {
	pid := os.Getpid()
	n := 0
	for p := range forkedSince(pid) {
		if n++; p == pid {
			t.Fatalf("%d is among them", pid)
		}
	}
	started := lastPID()
	leavesNothing(t, func() { runScript(t, enough, Script{Argv: []string{"/bin/true"}}) })
	var seen []string
	for p := range forkedSince(started) {
		seen = append(seen, strconv.Itoa(p))
	}
	if len(seen) == 0 {
		t.Error("a script has no number")
	}
}
