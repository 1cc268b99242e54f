package checker

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

const helperVariable = "PERCH_TEST_PROCESS"

// A helper is this program, as something that a shell cannot be.
func init() {
	if os.Getenv(helperVariable) == "ends its first thread" {
		go func() { fmt.Println("ready"); time.Sleep(time.Hour) }()
		runtime.LockOSThread() // the first one, here
		_, _, _ = syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0)
	}
}

// program returns the path of a program by another name, which is one of its own.
func program(t testing.TB, name, of string) (path, called string) {
	t.Helper()
	called = name + strconv.Itoa(os.Getpid()%100000)
	path = filepath.Join(t.TempDir(), called)
	must(t, os.Symlink(of, path))
	return path, called
}

// begin starts a process, which ends with the test.
func begin(t testing.TB, path string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, args...)
	must(t, cmd.Start())
	t.Cleanup(func() { end(cmd) })
	return cmd
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func processSpec(name string, p Process) Spec { return Spec{Kind: "process", Target: name, Process: p} }

func TestProcessByName(t *testing.T) {
	path, name := program(t, "pt-name", "/bin/sleep")
	c := made(t, testHost(), processSpec(name, Process{}))
	none := fmt.Sprintf("no process named %q", name)
	awaitReason(t, c, none)
	cmd := begin(t, path, "1000")
	awaitReason(t, c, "")
	must(t, cmd.Process.Signal(unix.SIGSTOP))
	until(t, "stopped", func() bool { p, _ := readProcess(cmd.Process.Pid); return p.state == 'T' })
	awaitReason(t, c, "")
	must(t, cmd.Process.Kill())
	awaitReason(t, c, none) // a zombie: nobody has waited for it
	if p, err := readProcess(cmd.Process.Pid); err != nil || p.state != 'Z' {
		t.Errorf("%v and %v, want a zombie", p, err)
	}
	begin(t, path, "1000")
	awaitReason(t, c, "")
}

func TestProcessByLongName(t *testing.T) {
	path, name := program(t, "pt-longer-than-the-kernel-keeps", "/bin/sleep")
	begin(t, path, "1000")
	awaitReason(t, made(t, testHost(), processSpec(name, Process{})), "")
	other := name + "x"
	awaitReason(t, made(t, testHost(), processSpec(other, Process{})), fmt.Sprintf("no process named %q", other))
}

func TestProcessByCommandLine(t *testing.T) {
	path, name := program(t, "pt-command", "/bin/sh")
	cmd := exec.Command(path, "-c", "read x", "of", name+" with arguments")
	_, err := cmd.StdinPipe() // for which it waits
	must(t, err, cmd.Start())
	t.Cleanup(func() { end(cmd) })
	for text, want := range map[string]string{
		name + " -c read x of " + name + " with": "",
		"of " + name + " without":                fmt.Sprintf(`no process with "of %s without" in its command line`, name),
	} {
		awaitReason(t, made(t, testHost(), processSpec("", Process{Command: text})), want)
	}
}

func TestProcessQuorum(t *testing.T) {
	path, name := program(t, "pt-quorum", "/bin/sleep")
	c := made(t, testHost(), processSpec(name, Process{Quorum: 2}))
	begin(t, path, "1000")
	awaitReason(t, c, fmt.Sprintf("1 of 2 processes named %q", name))
	second := begin(t, path, "1000")
	begin(t, path, "1000")
	awaitReason(t, c, "")
	end(second)
	awaitReason(t, c, "")
}

func TestProcessQuorumMax(t *testing.T) {
	path, name := program(t, "pt-most", "/bin/sleep")
	atMost := func(n int) Checker { return made(t, testHost(), processSpec(name, Process{QuorumMax: &n})) }
	none, one, two := atMost(0), atMost(1), atMost(2)
	awaitReason(t, none, "")
	awaitReason(t, one, fmt.Sprintf("no process named %q", name))
	first := begin(t, path, "1000")
	awaitReason(t, none, fmt.Sprintf("a process named %q", name))
	awaitReason(t, one, "")
	begin(t, path, "1000")
	awaitReason(t, one, fmt.Sprintf("more than one process named %q", name))
	awaitReason(t, two, "")
	begin(t, path, "1000")
	awaitReason(t, two, fmt.Sprintf("more than 2 processes named %q", name))
	end(first)
	awaitReason(t, two, "")
}

// One too many is noticed as it begins, where the kernel tells of it, and its end always.
func TestOneTooManyIsNoticed(t *testing.T) {
	path, name := program(t, "pt-more", "/bin/sleep")
	begin(t, path, "1000")
	h := testHost()
	c, err := h.New(processSpec(name, Process{QuorumMax: new(1)}))
	must(t, err)
	w := watchIt(t, h, c)
	until(t, "it is followed", func() bool { findingOf(c, enough); return following(c) == 1 })
	var second *exec.Cmd
	many := fmt.Sprintf("more than one process named %q", name)
	if eventsWork(t, h) {
		w.becomes(many, func() { second = begin(t, path, "1000") })
	} else {
		second = begin(t, path, "1000")
		awaitReason(t, c, many)
	}
	w.becomes("", func() { end(second) })
}

func TestProcessThatBecomesAnother(t *testing.T) {
	path, name := program(t, "pt-before", "/bin/sh")
	after, other := program(t, "pt-after", "/bin/sleep")
	cmd := exec.Command(path, "-c", "read x; exec "+after+" 1000")
	stdin, err := cmd.StdinPipe()
	must(t, err, cmd.Start())
	t.Cleanup(func() { end(cmd) })
	h := testHost()
	before, err := h.New(processSpec(name, Process{}))
	must(t, err)
	awaitReason(t, before, "")
	w := watchIt(t, h, before)
	until(t, "it is followed", func() bool { findingOf(before, enough); return following(before) == 1 })
	if eventsWork(t, h) {
		w.becomes(fmt.Sprintf("no process named %q", name), func() { fmt.Fprintln(stdin) })
	} else {
		fmt.Fprintln(stdin)
		awaitReason(t, before, fmt.Sprintf("no process named %q", name))
	}
	awaitReason(t, made(t, testHost(), processSpec(other, Process{})), "")
}

func TestProcessWhoseFirstThreadHasEnded(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	path, name := program(t, "pt-thread", self)
	cmd := exec.Command(path)
	cmd.Env = []string{helperVariable + "=ends its first thread"}
	out, err := cmd.StdoutPipe()
	must(t, err, cmd.Start())
	t.Cleanup(func() { end(cmd) })
	_, err = bufio.NewReader(out).ReadString('\n')
	must(t, err)
	until(t, "its first thread ends", func() bool {
		p, err := readProcess(cmd.Process.Pid)
		return err == nil && p.state == 'Z'
	})
	c := made(t, testHost(), processSpec(name, Process{}))
	awaitReason(t, c, "")
	byFile := made(t, testHost(), processSpec("", Process{PIDFile: writePID(t, cmd.Process.Pid)}))
	awaitReason(t, byFile, "")
	must(t, cmd.Process.Kill())
	awaitReason(t, c, fmt.Sprintf("no process named %q", name))
	awaitReason(t, byFile, fmt.Sprintf("process %d is not running", cmd.Process.Pid))
}

func TestThisProcessAndKernelThreadsAreNone(t *testing.T) {
	all, err := scanProcesses(context.Background())
	must(t, err)
	if len(all) == 0 || slices.ContainsFunc(all, func(p process) bool { return p.pid == os.Getpid() }) {
		t.Errorf("of %d processes one is this", len(all))
	}
	const want = `no process named "kthreadd"`
	if _, got := findingOf(made(t, testHost(), processSpec("kthreadd", Process{})), enough); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h := testHost()
	if _, err := h.processes.scan(ctx); err == nil {
		t.Error("it goes on")
	}
	if _, err := h.processes.scan(context.Background()); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestScansAreShared(t *testing.T) {
	h := testHost()
	all, err := h.processes.scan(context.Background())
	must(t, err)
	h.processes.scanned = time.Now().Add(time.Hour) // it is fresh
	again, err := h.processes.scan(context.Background())
	must(t, err)
	if &all[0] != &again[0] {
		t.Error("scanned again")
	}
	h.processes.scanned = time.Now().Add(-time.Hour)
	again, err = h.processes.scan(context.Background())
	must(t, err)
	if &all[0] == &again[0] {
		t.Error("not scanned again")
	}
}

func writePID(t testing.TB, pid int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pid")
	must(t, os.WriteFile(path, []byte(strconv.Itoa(pid)+"\n"), 0o600))
	return path
}

func TestPIDFile(t *testing.T) {
	gone := begin(t, "/bin/sleep", "1000")
	end(gone)
	zombie := begin(t, "/bin/sleep", "1000")
	must(t, zombie.Process.Kill())
	path := filepath.Join(t.TempDir(), "pid")
	c := made(t, testHost(), processSpec("", Process{PIDFile: path}))
	if _, got := findingOf(c, enough); got != "PID file: no such file" {
		t.Errorf("missing: %q", got)
	}
	for text, want := range map[string]string{
		strconv.Itoa(os.Getpid()):        "",
		" 1 \n":                          "",
		"":                               `PID file: holds "", wanted a process ID`,
		"abc":                            `PID file: holds "abc", wanted a process ID`,
		"-1":                             `PID file: holds "-1", wanted a process ID`,
		"0":                              `PID file: holds "0", wanted a process ID`,
		"99999999999":                    `PID file: holds "99999999999", wanted a process ID`,
		strings.Repeat("1", 100):         "PID file: longer than 64 bytes",
		strconv.Itoa(gone.Process.Pid):   fmt.Sprintf("process %d is not running", gone.Process.Pid),
		strconv.Itoa(zombie.Process.Pid): fmt.Sprintf("process %d is not running", zombie.Process.Pid),
		strconv.Itoa(zombie.Process.Pid) + "\n# of the daemon\n": fmt.Sprintf(`PID file: holds "%d\n# of the daemon", wanted a process ID`, zombie.Process.Pid),
	} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		awaitReason(t, c, want)
	}
	must(t, os.Remove(path), unix.Mkfifo(path, 0o600))
	if _, got := findingOf(c, enough); got != "PID file: not a regular file (prw-------)" {
		t.Errorf("FIFO: %q", got)
	}
}

func TestPIDFileOfAnotherUsersProcess(t *testing.T) {
	needRoot(t)
	cmd := exec.Command("/bin/sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
	must(t, cmd.Start())
	t.Cleanup(func() { end(cmd) })
	c := made(t, testHost(), processSpec("", Process{PIDFile: writePID(t, cmd.Process.Pid)}))
	if _, got := findingOf(c, enough); got != "" {
		t.Errorf("reason %q", got)
	}
}

// What cannot be seen is neither missing nor known not to be there.
func TestProcessesThatAreHidden(t *testing.T) {
	if os.Getenv(foreignVariable) == "" {
		needRoot(t)
		self, err := os.Executable()
		must(t, err)
		program, err := os.Open(self) // in a folder that the user cannot enter
		must(t, err)
		defer func() { _ = program.Close() }()
		cmd := exec.Command("unshare", "--mount", "sh", "-c", `mount -t proc -o hidepid=2 proc /proc &&
			exec setpriv --reuid daemon --regid daemon --clear-groups -- /proc/self/fd/3 -test.run="^$1$" -test.v`, "sh", t.Name())
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), foreignVariable+"=1")
		cmd.ExtraFiles = []*os.File{program}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Errorf("as user daemon: %v\n%s", err, out)
		}
		return
	}
	none := 0
	for what, spec := range map[string]Process{
		`no process named "pt-hidden": `:                                    {},
		`0 of 2 processes named "pt-hidden": `:                              {Quorum: 2},
		`nobody knows whether there are more processes named "pt-hidden": `: {QuorumMax: &none},
	} {
		if _, got := findingOf(made(t, testHost(), processSpec("pt-hidden", spec)), enough); got != what+hidden {
			t.Errorf("reason %q, want %q", got, what+hidden)
		}
	}
	path, name := program(t, "pt-own", "/bin/sleep")
	begin(t, path, "1000")
	awaitReason(t, made(t, testHost(), processSpec(name, Process{})), "")
	awaitReason(t, made(t, testHost(), processSpec(name, Process{QuorumMax: &none})), fmt.Sprintf("a process named %q", name))
}

func TestWrongProcessSpecs(t *testing.T) {
	const one = "a process is found by exactly one of its name, a PID file and a command line"
	for _, c := range []struct {
		name string
		spec Process
		want string
	}{
		{"", Process{}, one},
		{"x", Process{Command: "y"}, one},
		{"", Process{PIDFile: "/y", Command: "y"}, one},
		{"x", Process{Quorum: -1}, "quorum -1: must be 1-1024"},
		{"x", Process{Quorum: 1025}, "quorum 1025: must be 1-1024"},
		{"", Process{PIDFile: "run/x.pid"}, `PID file "run/x.pid": must be an absolute path`},
		{"", Process{PIDFile: "/run/x.pid", Quorum: 2}, "quorum 2: a PID file names one process"},
		{"x", Process{Quorum: 2, QuorumMax: new(1)}, "quorum_max 1: must be 2-1024"},
		{"x", Process{QuorumMax: new(1025)}, "quorum_max 1025: must be 0-1024"},
		{"", Process{PIDFile: "/run/x.pid", QuorumMax: new(1)}, "quorum_max 1: a PID file names one process"},
	} {
		_, err := testHost().New(processSpec(c.name, c.spec))
		if err == nil || err.Error() != c.want {
			t.Errorf("%q %v: %v, want %q", c.name, c.spec, err, c.want)
		}
	}
}

// following returns how many processes a check follows.
func following(c Checker) int {
	var v *vigil
	switch c := c.(type) {
	case *processCheck:
		v = &c.vigil
	case *pidFileCheck:
		v = &c.vigil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.pidfds)
}

// watchProcess watches once a look has found enough processes.
func watchProcess(t testing.TB, spec Spec, follows int) *watching {
	t.Helper()
	h := testHost()
	c, err := h.New(spec)
	must(t, err)
	awaitReason(t, c, "")
	w := watchIt(t, h, c)
	until(t, "it is followed", func() bool { return following(c) == follows })
	return w
}

func TestDeathsAreNoticed(t *testing.T) {
	path, name := program(t, "pt-death", "/bin/sleep")
	first, second := begin(t, path, "1000"), begin(t, path, "1000")
	w := watchProcess(t, processSpec(name, Process{}), 1)
	// One takes the place of the other.
	w.becomes("", func() { must(t, first.Process.Kill()) })
	until(t, "the other is followed", func() bool { findingOf(w.checker, enough); return following(w.checker) == 1 })
	w.becomes(fmt.Sprintf("no process named %q", name), func() { must(t, second.Process.Kill()) })
	if n := following(w.checker); n != 0 {
		t.Errorf("%d are followed still", n)
	}
}

func TestDeathsOfAQuorumAreNoticed(t *testing.T) {
	path, name := program(t, "pt-deaths", "/bin/sleep")
	var all []*exec.Cmd
	for range 3 {
		all = append(all, begin(t, path, "1000"))
	}
	w := watchProcess(t, processSpec(name, Process{Quorum: 3}), 3)
	for i, left := range []int{2, 1, 0} {
		w.becomes(fmt.Sprintf("%d of 3 processes named %q", left, name), func() { end(all[i]) })
	}
}

func TestPIDFileIsWatched(t *testing.T) {
	first, second := begin(t, "/bin/sleep", "1000"), begin(t, "/bin/sleep", "1000")
	path := writePID(t, first.Process.Pid)
	w := watchProcess(t, processSpec("", Process{PIDFile: path}), 1)
	until(t, "its folder is watched", func() bool {
		f := w.checker.(*pidFileCheck)
		findingOf(f, enough) // a look begins to watch
		f.folders.mu.Lock()
		defer f.folders.mu.Unlock()
		return f.place.watch != 0
	})
	w.becomes(fmt.Sprintf("process %d is not running", first.Process.Pid), func() { end(first) })
	w.becomes("", func() { must(t, os.WriteFile(path, []byte(strconv.Itoa(second.Process.Pid)), 0o600)) })
	w.becomes(fmt.Sprintf("process %d is not running", second.Process.Pid), func() { end(second) })
	w.becomes("PID file: no such file", func() { must(t, os.Remove(path)) })
}

// The number of a process that has ended may be that of another one at the next look.
func TestNumberThatIsAnothersIsFollowedAnew(t *testing.T) {
	cmd := begin(t, "/bin/sleep", "1000")
	var d deaths
	v := vigil{deaths: &d}
	v.begin(newBell())
	defer v.end()
	must(t, v.follow(cmd.Process.Pid))
	ended := v.pidfds[cmd.Process.Pid]
	end(cmd)
	v.pidfds = map[int]int{os.Getpid(): ended}
	v.count([]int{os.Getpid()}, 1, isRunning)
	if pidfd, followed := v.pidfds[os.Getpid()]; !followed || hasEnded(pidfd) {
		t.Error("the one that has ended is followed still")
	}
}

// Who begins to watch after a process has ended, on which the last look rests, is told.
func TestDeathBeforeWatchIsNoticed(t *testing.T) {
	path, name := program(t, "pt-early", "/bin/sleep")
	cmd := begin(t, path, "1000")
	h := testHost()
	c, err := h.New(processSpec(name, Process{}))
	must(t, err)
	awaitReason(t, c, "")
	end(cmd)
	w := watchIt(t, h, c)
	until(t, "it is noticed", func() bool { return w.noticed.Load() > 0 })
}

func TestBirthsAreNoticed(t *testing.T) {
	path, name := program(t, "pt-birth", "/bin/sleep")
	none := fmt.Sprintf("no process named %q", name)
	h := testHost()
	c, err := h.New(processSpec(name, Process{}))
	must(t, err)
	awaitReason(t, c, none)
	w := watchIt(t, h, c)
	if !eventsWork(t, h) {
		t.Skip("the kernel tells of no processes here")
	}
	for range 3 {
		var cmd *exec.Cmd
		w.becomes("", func() { cmd = begin(t, path, "1000") })
		until(t, "it is followed", func() bool { findingOf(c, enough); return following(c) == 1 })
		w.becomes(none, func() { end(cmd) })
	}
}

// A process that is born just after a scan is found nevertheless: the next look does not
// rest on the scan alone.
func TestBirthAfterScan(t *testing.T) {
	path, name := program(t, "pt-scan", "/bin/sleep")
	h := testHost()
	checker, err := h.New(processSpec(name, Process{}))
	must(t, err)
	c := checker.(*processCheck)
	awaitReason(t, c, fmt.Sprintf("no process named %q", name))
	h.processes.scanned = time.Now().Add(time.Hour) // no scan from now on
	cmd := begin(t, path, "1000")
	p, err := readProcess(cmd.Process.Pid)
	must(t, err)
	if !c.concerns(p) {
		t.Error("it makes no difference")
	}
	if _, got := findingOf(c, enough); got != "" {
		t.Errorf("reason %q", got)
	}
	if c.concerns(p) {
		t.Error("one that counts makes a difference")
	}
	p.comm, p.base = "another", "another"
	if !c.concerns(p) {
		t.Error("that it has another name makes no difference")
	}
}

func TestProcessChecksLeaveNothing(t *testing.T) {
	path, name := program(t, "pt-leave", "/bin/sleep")
	begin(t, path, "1000")
	children := len(ownChildren(t))
	leaves := func() {
		t.Run("watch", func(t *testing.T) {
			w := watchProcess(t, processSpec(name, Process{}), 1)
			for range 100 {
				findingOf(w.checker, enough)
			}
		})
	}
	files, goroutines := openFiles(t), goleak.IgnoreCurrent()
	leaves()
	goleak.VerifyNone(t, goroutines)
	if now := openFiles(t); now != files {
		t.Errorf("%d open files, %d before", now, files)
	}
	if now := len(ownChildren(t)); now != children {
		t.Errorf("%d children, %d before", now, children)
	}
}

// eventsWork tells whether the kernel tells a Host that runs of processes.
func eventsWork(t testing.TB, h *Host) bool {
	t.Helper()
	var (
		once sync.Once
		told = make(chan struct{})
	)
	defer h.processes.births.listen(func(process) { once.Do(func() { close(told) }) }, newBell())()
	for began := time.Now(); time.Since(began) < 5*time.Second; {
		cmd := begin(t, "/bin/sleep", "1000")
		select {
		case <-told:
			end(cmd)
			return true
		case <-time.After(50 * time.Millisecond):
		}
		end(cmd)
	}
	if os.Getenv("CI") != "" {
		t.Fatal("the kernel tells of no processes here")
	}
	return false
}
