package checker

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// foreignVariable makes a test that runs as a user without rights be the test proper.
const foreignVariable = "PERCH_TEST_FOREIGN"

// asDaemon runs a test once more in a process of user daemon with just these capabilities,
// and returns false. There it returns true.
func asDaemon(t *testing.T, capabilities ...uintptr) bool {
	t.Helper()
	if os.Getenv(foreignVariable) != "" {
		return true
	}
	needRoot(t)
	self, err := os.Executable()
	must(t, err)
	program, err := os.Open(self) // in a folder that the user cannot enter
	must(t, err)
	defer func() { _ = program.Close() }()
	daemon := accountOf(t, "daemon")
	cmd := exec.Command("/proc/self/fd/3", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), foreignVariable+"=1")
	cmd.ExtraFiles = []*os.File{program}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: daemon.id, Gid: daemon.gid}, AmbientCaps: capabilities,
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as user daemon: %v\n%s", err, out)
	}
	return false
}

func accountOf(t *testing.T, name string) *account {
	t.Helper()
	found, err := user.Lookup(name)
	must(t, err)
	a, err := parseAccount(found)
	must(t, err)
	return a
}

// The script has the user, its groups, and nothing of what the daemon may do.
func TestScriptOfAnotherUserWithoutRoot(t *testing.T) {
	if !asDaemon(t, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_NET_ADMIN) {
		return
	}
	nobody := accountOf(t, "nobody")
	id, gid := strconv.Itoa(int(nobody.id)), strconv.Itoa(int(nobody.gid))
	const who = `echo "$(id -ru):$(id -u):$(id -g):$(id -G) $(grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | tr -d '\n\t0')"; exit 1`
	want := "exit code 1: " + strings.Join([]string{id, id, gid, gid}, ":") + " CapInh:CapPrm:CapEff:CapAmb:"
	for range 2 { // what one look does to its thread is not there for another
		if _, got := runScript(t, enough, Script{Argv: []string{"/bin/sh", "-c", who}, User: "nobody"}); got != want {
			t.Errorf("reason %q, want %q", got, want)
		}
	}
	const own = `echo "$(id -un) $(grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | tr -d '\n\t0')"; exit 1`
	want = "exit code 1: daemon CapInh:CapPrm:CapEff:CapAmb:"
	for _, user := range []string{"daemon", ""} {
		if _, got := runScript(t, enough, Script{Argv: []string{"/bin/sh", "-c", own}, User: user}); got != want {
			t.Errorf("as itself, user %q: reason %q, want %q", user, got, want)
		}
	}
}

// A script that hangs is killed, with what it has started, and the daemon does not wait for
// it in vain.
func TestScriptOfAnotherUserWithoutRootIsKilled(t *testing.T) {
	if !asDaemon(t, unix.CAP_SETUID, unix.CAP_SETGID) {
		return
	}
	argv := []string{"/bin/sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!; sleep 1000"}
	leavesNothing(t, func() {
		_, got := runScript(t, 500*time.Millisecond, Script{Argv: argv, User: "nobody"})
		pid, err := strconv.Atoi(strings.TrimPrefix(got, "no end within 500ms, killed: "))
		if err != nil {
			t.Fatalf("reason %q", got)
		}
		until(t, "what it has started is killed", func() bool {
			p, err := readProcess(pid)
			return err != nil || !p.alive()
		})
	})
}

// Root's scripts are no less looked at because the daemon is not root.
func TestScriptOfRootWithoutRoot(t *testing.T) {
	if !asDaemon(t, unix.CAP_SETUID, unix.CAP_SETGID) {
		return
	}
	path := shell(t, "exit 0")
	_, got := runScript(t, enough, Script{Argv: []string{path}, User: "root"})
	if want := filepath.Dir(filepath.Dir(path)) + " does not belong to root: refused because it would run as root"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestScriptOfAnotherUserWithoutRights(t *testing.T) {
	if !asDaemon(t, unix.CAP_SETUID, unix.CAP_NET_ADMIN) {
		return
	}
	_, err := testHost().New(Spec{Kind: "script", Script: Script{Argv: []string{"/bin/true"}, User: "nobody"}})
	want := `user "nobody": only root, or a daemon with CAP_SETUID and CAP_SETGID, can run scripts as somebody else`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}
