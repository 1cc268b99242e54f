package checker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// runProgram runs a program once and returns its error as text.
func runProgram(t *testing.T, limit time.Duration, argv, more, variables []string) string {
	t.Helper()
	p, err := NewProgram(argv, "")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := p.Run(ctx, more, variables); err != nil {
		return err.Error()
	}
	return ""
}

func TestProgram(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"well", "echo fine", ""},
		{"exit code", "echo 'no such service'; exit 3", "exit code 3: no such service"},
		{"arguments", `echo "$#:$1:$2"; exit 1`, "exit code 1: 2:own:more of it"},
		{"environment", `echo "$PERCH_EVENT $HOME"; exit 1`, "exit code 1: master"},
	} {
		t.Run(c.name, func(t *testing.T) {
			argv := []string{shell(t, c.body), "own"}
			if got := runProgram(t, enough, argv, []string{"more of it"}, []string{"PERCH_EVENT=master"}); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// Whoever runs it may ask for its exit code, unless it was not left to end by itself.
func TestProgramHasAnExitCode(t *testing.T) {
	for body, want := range map[string]int{"exit 75": 75, "exit 1": 1, "kill -KILL $$": 0} {
		p, err := NewProgram([]string{shell(t, body)}, "")
		must(t, err)
		got := 0
		var end interface{ ExitCode() int }
		if errors.As(p.Run(t.Context(), nil, nil), &end) {
			got = end.ExitCode()
		}
		if got != want {
			t.Errorf("%s: %d, want %d", body, got, want)
		}
	}
}

// What a program starts in the background goes on after it, and may write as before.
func TestProgramLeavesWhatItHasStarted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "written")
	body := `(sleep 0.2; echo more; echo done >` + file + `; exec sleep 1000) & echo $!; exit 1`
	got := runProgram(t, enough, []string{shell(t, body)}, nil, nil)
	pid, err := strconv.Atoi(strings.TrimPrefix(got, "exit code 1: "))
	if err != nil {
		t.Fatalf("reason %q", got)
	}
	defer func() { must(t, unix.Kill(pid, unix.SIGKILL)) }()
	until(t, "it writes, and is there", func() bool {
		text, _ := os.ReadFile(file)
		return string(text) == "done\n"
	})
}

func TestProgramThatHangsIsKilledWithWhatItHasStarted(t *testing.T) {
	argv := []string{shell(t, "sleep 1000 & setsid sleep 1000 & echo waiting; wait")}
	leavesNothing(t, func() {
		if got := runProgram(t, 500*time.Millisecond, argv, nil, nil); got != "no end within 500ms, killed: waiting" {
			t.Errorf("reason %q", got)
		}
	})
}

func TestProgramThatIsWritableByOthers(t *testing.T) {
	needRoot(t)
	path := shell(t, "exit 0")
	must(t, os.Chmod(path, 0o777))
	want := path + " is writable by others (mode 0777): refused because it would run as root"
	if got := runProgram(t, enough, []string{path}, nil, nil); got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestProgramThatCannotBe(t *testing.T) {
	for want, make := range map[string]func() error{
		`argv ["true"]: the first one must be an absolute path`: func() error { _, err := NewProgram([]string{"true"}, ""); return err },
		`user "no such user": not known on this machine`:        func() error { _, err := NewProgram([]string{"/bin/true"}, "no such user"); return err },
	} {
		if err := make(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// keeps runs a program until ctx ends, and returns its error as text.
func keeps(t *testing.T, ctx context.Context, grace time.Duration, argv ...string) string {
	t.Helper()
	p, err := NewProgram(argv, "")
	must(t, err)
	if err := p.Keep(ctx, grace, []string{"/run/fifo"}); err != nil {
		return err.Error()
	}
	return ""
}

// A program that is kept tells why it has ended by itself, and takes along what it has started.
func TestProgramThatIsKept(t *testing.T) {
	leavesNothing(t, func() {
		got := keeps(t, t.Context(), enough, shell(t, `sleep 1000 & echo "reads $1"; exit 3`))
		if got != "exit code 3: reads /run/fifo" {
			t.Errorf("reason %q", got)
		}
	})
}

// One that goes into the background by itself, and so would be started again beside itself, is
// taken along too.
func TestProgramThatIsKeptAndLeaves(t *testing.T) {
	leavesNothing(t, func() {
		body := `setsid sh -c "touch $0.out; exec sleep 1000" >/dev/null 2>&1 & until [ -e $0.out ]; do sleep 0.01; done`
		if got := keeps(t, t.Context(), enough, shell(t, body)); got != "" {
			t.Errorf("reason %q", got)
		}
	})
}

// It is asked to end, and killed if it does not, with its group.
func TestProgramThatIsKeptIsAskedToEnd(t *testing.T) {
	for body, want := range map[string]string{
		`trap 'echo leaving >$0.out; exit 0' TERM; echo begun >$0.out; while :; do sleep 0.01; done`:    "leaving\n",
		`trap 'echo stays >$0.out' TERM; sleep 1000 & echo begun >$0.out; while :; do sleep 0.01; done`: "stays\n",
	} {
		grace := enough
		if strings.Contains(want, "stays") {
			grace = 500 * time.Millisecond
		}
		leavesNothing(t, func() {
			script := shell(t, body)
			out := func() string {
				text, _ := os.ReadFile(script + ".out")
				return string(text)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan string)
			go func() { ended <- keeps(t, ctx, grace, script) }()
			until(t, "it has begun", func() bool { return out() == "begun\n" })
			cancel()
			if reason := <-ended; !strings.HasPrefix(reason, context.Canceled.Error()) || out() != want {
				t.Errorf("reason %q, said %q, want %q", reason, out(), want)
			}
		})
	}
}
