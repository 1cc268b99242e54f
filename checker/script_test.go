package checker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func writeScript(t testing.TB, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(path, []byte(body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func shell(t testing.TB, body string) string { return writeScript(t, "#!/bin/sh\n"+body+"\n") }

// runScript looks once.
func runScript(t testing.TB, limit time.Duration, spec Script) (Finding, string) {
	t.Helper()
	return findingOf(made(t, testHost(), Spec{Kind: "script", Script: spec}), limit)
}

func TestScriptReasons(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ name, body, want string }{
		{"well", "echo fine; exit 0", ""},
		{"exit code", "exit 1", "exit code 1"},
		{"largest exit code", "exit 255", "exit code 255"},
		{"last line", "echo first; echo 'backend is down'; echo; exit 2", "exit code 2: backend is down"},
		{"both outputs", "echo out; echo err >&2; exit 2", "exit code 2: err"},
		{"no newline", "printf partial; exit 3", "exit code 3: partial"},
		{"carriage returns", `printf '10%%\r20%%\r\n'; exit 3`, "exit code 3: 20%"},
		{"control characters", `printf 'a\033[31mred\n'; exit 3`, `exit code 3: "a\x1b[31mred"`},
		{"no text", `printf '\377\376'; exit 3`, `exit code 3: "\xff\xfe"`},
		{"long line", "echo " + long + "; exit 3", "exit code 3: " + long[:maxLine] + "..."},
		{"signal", "kill -SEGV $$", "killed by SIGSEGV"},
		{"signal after words", "echo dying; kill -9 $$", "killed by SIGKILL: dying"},
		{"real-time signal", "kill -40 $$", "killed by signal 40"},
		{"closed output", "echo closing; exec >&- 2>&-; exit 4", "exit code 4: closing"},
		{"stdin", "read x || exit 5", "exit code 5"},
		{"cwd", "pwd; exit 6", "exit code 6: /"},
		{"flood", "head -c 3000000 /dev/zero | tr '\\0' '\\n'; echo end; exit 7", "exit code 7: end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got := runScript(t, enough, Script{Argv: []string{shell(t, c.body)}}); got != c.want {
				t.Errorf("reason %q, want %q", got, c.want)
			}
		})
	}
}

func TestScriptArguments(t *testing.T) {
	argv := []string{shell(t, `echo "$#:$1:$2"; exit 1`), "a b; exit 0", "$HOME"}
	if _, got := runScript(t, enough, Script{Argv: argv}); got != "exit code 1: 2:a b; exit 0:$HOME" {
		t.Errorf("reason %q", got)
	}
}

func TestScriptEnvironmentIsPathAlone(t *testing.T) {
	t.Setenv("SECRET", "of the daemon")
	body := `env | grep -v -e ^PERCH_CHECK= -e ^PWD= | tr '\n' ' '; exit 1`
	_, got := runScript(t, enough, Script{Argv: []string{shell(t, body)}})
	if got != "exit code 1: PATH=/usr/sbin:/usr/bin:/sbin:/bin" {
		t.Errorf("reason %q", got)
	}
}

func TestScriptWeight(t *testing.T) {
	for code, want := range map[int]Value{0: {}, 2: {0, true}, 3: {1, true}, 255: {253, true}} {
		argv := []string{shell(t, fmt.Sprintf("exit %d", code))}
		if found, got := runScript(t, enough, Script{Argv: argv, Weighted: true}); got != "" || found.Value != want {
			t.Errorf("code %d: %v and %q, want %v", code, found.Value, got, want)
		}
	}
	argv := []string{shell(t, "exit 1")}
	if _, got := runScript(t, enough, Script{Argv: argv, Weighted: true}); got != "exit code 1" {
		t.Errorf("code 1: %q", got)
	}
}

// A script that does not end by itself is killed, whatever it does about it.
func TestScriptsThatHangAreKilled(t *testing.T) {
	argv := map[string][]string{} // of all before the first one begins: none must be open then
	for name, body := range map[string]string{
		"sleeps":               "echo waiting; sleep 1000",
		"ignores signals":      "trap '' TERM INT HUP QUIT; echo waiting; while :; do sleep 1000; done",
		"stops itself":         "echo waiting; kill -STOP $$",
		"floods":               "yes waiting",
		"forks":                "echo waiting; sleep 1000 & sleep 1000 & wait",
		"starts a session":     "echo waiting; setsid sleep 1000 & sleep 1000",
		"closes its output":    "echo waiting; exec >/dev/null 2>&1; sleep 1000",
		"forks without end":    "echo waiting; while :; do setsid sleep 1000 >/dev/null 2>&1 & sleep 0.01; done",
		"waits for a daemon":   "echo waiting; (setsid sleep 1000 &) ; sleep 1000",
		"frozen with children": "echo waiting; sleep 1000 & kill -STOP $!; kill -STOP $$",
	} {
		argv[name] = []string{shell(t, body)}
	}
	leavesNothing(t, func() {
		var looks sync.WaitGroup
		for name, argv := range argv {
			looks.Go(func() {
				_, got := findingOf(&scriptCheck{argv: argv}, 2*time.Second)
				if got != "no end within 2s, killed: waiting" {
					t.Errorf("%s: reason %q", name, got)
				}
			})
		}
		looks.Wait()
	})
}

// What a script leaves behind neither keeps its verdict nor stays.
func TestScriptsThatLeaveSomethingBehind(t *testing.T) {
	for name, body := range map[string]string{
		"child":               "sleep 1000 & echo x; exit 1",
		"child without files": "sleep 1000 >/dev/null 2>&1 & echo x; exit 1",
		"no environment":      "env -i sleep 98765 & echo x; sleep 0.3; exit 1",
		"daemon":              "(setsid sleep 1000 >/dev/null 2>&1 </dev/null &); echo x; exit 1",
		"daemon with output":  "(setsid sh -c 'trap \"\" HUP TERM; sleep 1000; :' &); echo x; exit 1",
		// One byte to a line: whatever of the flood comes last is the same.
		"flooding daemon":  "(setsid yes x &); echo x; exit 1",
		"chain of daemons": "(setsid sh -c '(setsid sh -c \"(setsid sleep 1000 &); sleep 1000\" &); sleep 1000' &); echo x; exit 1",
	} {
		t.Run(name, func(t *testing.T) {
			leavesNothing(t, func() {
				if _, got := runScript(t, enough, Script{Argv: []string{shell(t, body)}}); got != "exit code 1: x" {
					t.Errorf("reason %q", got)
				}
			})
		})
	}
}

// The first process, as the daemon may be in a container, has all orphans to reap.
func TestScriptsThatLeaveOrphansToThisProcess(t *testing.T) {
	must(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	defer func() { must(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)) }()
	for name, body := range map[string]string{
		"child":            "sleep 1000 & echo left; exit 1",
		"killed":           "echo left; sleep 1000; exit 1",
		"daemon":           "(setsid sleep 1000 >/dev/null 2>&1 </dev/null &); echo left; exit 1",
		"chain of daemons": "(setsid sh -c '(setsid sh -c \"(setsid sleep 1000 &); sleep 1000\" &); sleep 1000' &); echo left; exit 1",
	} {
		t.Run(name, func(t *testing.T) {
			leavesNothing(t, func() {
				began := time.Now()
				runScript(t, 300*time.Millisecond, Script{Argv: []string{shell(t, body)}})
				reapTheRest(t, time.Since(began) < markedPatience)
			})
		})
	}
}

// reapTheRest reaps orphans as the daemon's reaper does: those that ended well by themselves while
// their parents were killed, and if it was not quick, on a machine on which what is killed waits
// for a processor until it dies, others as well.
func reapTheRest(t *testing.T, quick bool) {
	t.Helper()
	for all := ownChildren(t); len(all) > 0; all = ownChildren(t) {
		child, err := strconv.Atoi(all[0])
		must(t, err)
		var status unix.WaitStatus
		until(t, "orphan "+all[0]+" has ended", func() bool {
			reaped, err := unix.Wait4(child, &status, unix.WNOHANG, nil)
			return reaped != 0 || err != nil
		})
		if quick && (!status.Exited() || status.ExitStatus() != 0) {
			t.Errorf("child %d is left, with status %#x", child, status)
		}
	}
}

func TestOutputIsBounded(t *testing.T) {
	var o output
	for range 3 {
		o.keep(make([]byte, maxOutput-1))
	}
	o.keep([]byte("end"))
	if len(o.tail) != maxOutput || lastLine(bytes.TrimLeft(o.tail, "\x00")) != "end" {
		t.Errorf("%d bytes kept: ...%q", len(o.tail), o.tail[len(o.tail)-8:])
	}
}

// What a script has written last counts, also if nobody has read it yet as it ends.
func TestOutputThatIsNotYetRead(t *testing.T) {
	o, write, err := openOutput()
	must(t, err)
	close(o.done) // nobody reads
	_, err = write.WriteString("last words\n")
	must(t, err)
	o.close()
	must(t, write.Close())
	if got := lastLine(o.tail); got != "last words" {
		t.Errorf("%q", got)
	}
}

// One that gets rid of the marker is not found, but does not keep the verdict.
func TestScriptWithStrayThatHoldsOutput(t *testing.T) {
	body := `env -i setsid sh -c 'echo $$; exec sleep 1000' & sleep 0.5; exit 1`
	_, got := runScript(t, enough, Script{Argv: []string{shell(t, body)}})
	pid, err := strconv.Atoi(strings.TrimPrefix(got, "exit code 1: "))
	if err != nil {
		t.Fatalf("reason %q", got)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Errorf("kill the stray: %v", err)
	}
}

func TestScriptEndsWithItsContext(t *testing.T) {
	c := made(t, testHost(), Spec{Kind: "script", Script: Script{Argv: []string{"/bin/sleep", "1000"}}})
	leavesNothing(t, func() {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := c.Check(ctx); err == nil || err.Error() != "context canceled" {
			t.Errorf("reason %v", err)
		}
	})
}

// leavesNothing runs looks after which nothing must be there that was not before.
func leavesNothing(t testing.TB, looks func()) {
	t.Helper()
	goroutines, files, started := goleak.IgnoreCurrent(), openFiles(t), lastPID()
	looks()
	goleak.VerifyNone(t, goroutines)
	if now := openFiles(t); now > files { // one of before may have been closed
		t.Errorf("%d open files, %d before", now, files)
	}
	if zombies := ownChildren(t); len(zombies) > 0 {
		t.Errorf("children %v are left", zombies)
	}
	for pid := range forkedSince(started) {
		until(t, "nothing is left", func() bool {
			p, err := readProcess(pid)
			environment, _ := environmentOf(pid)
			marked := strings.Contains(string(environment), "PERCH_CHECK=")
			return err != nil || !p.alive() || !marked && p.command != "sleep 98765"
		})
	}
}

// ownChildren returns the children of this process, zombies too.
func ownChildren(t testing.TB) []string {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		t.Fatalf("children: %v", err)
	}
	var all []string
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		all = append(all, strings.Fields(string(text))...)
	}
	return all
}
