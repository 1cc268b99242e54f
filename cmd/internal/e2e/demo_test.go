package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// The demo runs alone: its figures are to be those of an idle machine, and what
// it might leave behind must not be mixed up with what other cases have.
func TestDemo(t *testing.T) {
	lab.NeedRoot(t)
	dir := tempDir(t)
	before := machine(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := demo(t, ctx, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("perch demo: %v\n%s", err, out)
	}
	t.Logf("perch demo:\n%s", out)
	checkTable(t, string(out))
	for text, want := range map[string]int{
		"perch demo: three nodes": 1, "The client pings both VIPs": 1, "$ perch status\n": 1,
		"\n[": 5, "Longest silence for the client: ": 5, "is started again and follows.": 2, ", cut off, gave the VIPs up after ": 1,
	} {
		if got := bytes.Count(out, []byte(text)); got < want { // more when a busy machine moves the VIPs by itself
			t.Errorf("%q is there %d times, want %d", text, got, want)
		}
	}
	if bytes.Contains(out, []byte("\x1b[")) {
		t.Error("colour without a terminal")
	}
	checkMachine(t, dir, before)
}

var (
	firstOwner = regexp.MustCompile(`(?m)^    (lb\d) owns the VIPs, \S+ ms after the start\.$`)
	tableRow   = regexp.MustCompile(`(?m)^    (\S.*?)   +(?:< )?([\d.]+) ms   +(?:< )?([\d.]+) ms   +(lb\d)(?: -> (lb\d)|, unchanged)   +(.*)$`)
)

// checkTable checks that the table has every event, each beginning with the owner
// that the one before ended with and ending with one node that answers.
func checkTable(t *testing.T, out string) {
	t.Helper()
	begin := firstOwner.FindStringSubmatch(out)
	if begin == nil {
		t.Fatal("no first owner")
	}
	owner := begin[1]
	var events []string
	for _, row := range tableRow.FindAllStringSubmatch(out, -1) {
		name, from, to, answering := row[1], row[4], row[5], row[6]
		if name != "link healed" && to == "" {
			t.Errorf("%s moved nothing", name)
		}
		if to == "" {
			to = from
		}
		if from != owner {
			t.Errorf("%s begins with %s, want %s", name, from, owner)
		}
		if !strings.HasSuffix(answering, to) {
			t.Errorf("%s ends with %s, and %s answers", name, to, answering)
		}
		if name == "link cut" {
			checkDetected(t, row[2], row[3])
		}
		if name == "by itself" {
			t.Log("the VIPs moved by themselves")
		} else {
			events = append(events, name)
		}
		owner = to
	}
	want := []string{"planned transfer", "SIGTERM", "SIGKILL", "link cut", "link healed"}
	if !slices.Equal(events, want) {
		t.Errorf("events are %q, want %q", events, want)
	}
}

// checkDetected checks the outages of a link that was cut: nobody takes the VIPs
// over before the heartbeat timeout, which is 100 ms after some heartbeat.
func checkDetected(t *testing.T, outages ...string) {
	t.Helper()
	for _, text := range outages {
		if ms, err := strconv.ParseFloat(text, 64); err != nil || ms < 50 {
			t.Errorf("the link was cut for %s ms", text)
		}
	}
}

func TestDemoEndsCleanlyOnEverySignal(t *testing.T) {
	lab.NeedRoot(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			dir := tempDir(t)
			before := machine(t, dir)
			cmd := demo(t, t.Context(), dir)
			out := &owned{line: "owns the VIPs", seen: make(chan struct{})}
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-out.seen:
			case <-time.After(patience):
				t.Errorf("no owner within %s", patience)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("an interrupted demo exited with 0")
			}
			checkMachine(t, dir, before)
			if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 && sig != syscall.SIGKILL {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestDemoWithoutRootSaysWhatItNeeds(t *testing.T) {
	lab.NeedRoot(t) // to become nobody
	cmd := demo(t, t.Context(), os.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("a demo without root exited with 0")
	}
	const want = "perch: the demo cannot run here: a network namespace needs root (CAP_SYS_ADMIN): " +
		"operation not permitted; try: sudo perch demo\n"
	if got := string(out); got != want {
		t.Errorf("perch demo printed %q, want %q", got, want)
	}
}

// What no node would take is a mistake in the command line.
func TestDemoOfAnUnknownProfile(t *testing.T) {
	lab.NeedRoot(t)
	dir := tempDir(t)
	before := machine(t, dir)
	out, err := demo(t, t.Context(), dir, "--failover", "quick").CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 {
		t.Errorf("ended with %v, want exit code 2", err)
	}
	const want = `perch: cluster.failover = "quick": is not known; must be one of "fast", "normal", "wan"` +
		" (see perch demo --help)\n"
	if got := string(out); got != want {
		t.Errorf("perch demo printed %q, want %q", got, want)
	}
	checkMachine(t, dir, before)
}

// demo returns a command that keeps its files below dir.
func demo(t *testing.T, ctx context.Context, dir string, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, perchBinary(t), append([]string{"demo"}, flags...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.WaitDelay = time.Second
	return cmd
}

// owned closes seen when a line has been written.
type owned struct {
	line string
	seen chan struct{}
	buf  bytes.Buffer
	done bool
}

func (o *owned) Write(p []byte) (int, error) {
	o.buf.Write(p)
	if !o.done && strings.Contains(o.buf.String(), o.line) {
		o.done = true
		close(o.seen)
	}
	return len(p), nil
}

// checkMachine waits until the machine is as it was: what a killed demo had is
// taken down by the kernel and may last a moment.
func checkMachine(t *testing.T, dir string, before map[string][]string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		changed := changes(before, machine(t, dir))
		if len(changed) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the machine is not as it was:\n%s", strings.Join(changed, "\n"))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Mounts and named namespaces that go away are somebody else's: a demo has none.
const (
	mounts          = "/proc/self/mounts"
	namedNamespaces = "/run/netns/*"
)

// machine returns what a demo with its files below dir could change or leave
// behind on this machine.
func machine(t *testing.T, dir string) map[string][]string {
	t.Helper()
	state := map[string][]string{"daemons": daemons(t, dir)}
	for _, path := range []string{mounts, "/proc/net/if_inet6", "/proc/net/fib_trie", "/proc/net/route"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		state[path] = strings.Split(string(text), "\n")
	}
	for _, pattern := range []string{"/sys/class/net/*", namedNamespaces} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		state[pattern] = paths
	}
	return state
}

func changes(before, after map[string][]string) (changed []string) {
	for what, lines := range after {
		for _, line := range lines {
			if !slices.Contains(before[what], line) {
				changed = append(changed, "+ "+what+": "+line)
			}
		}
	}
	for what, lines := range before {
		if what == mounts || what == namedNamespaces {
			continue
		}
		for _, line := range lines {
			if !slices.Contains(after[what], line) {
				changed = append(changed, "- "+what+": "+line)
			}
		}
	}
	return changed
}

// daemons lists the processes that serve from a folder below dir.
func daemons(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, []byte(dir+"/perch-demo-")) { // it may end meanwhile
			list = append(list, path)
		}
	}
	return list
}
