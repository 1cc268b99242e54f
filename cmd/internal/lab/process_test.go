package lab

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestProcessRunsInTheHost(t *testing.T) {
	_, hosts := newLab(t, 1)
	p, err := hosts[0].Start(exec.Command("sleep", "60"))
	must(t, err)
	want := netnsOf(t, fmt.Sprint("/proc/", p.PID(), "/ns/net"))
	must(t, hosts[0].Do(func() error {
		if got := netnsOf(t, "/proc/thread-self/ns/net"); got != want {
			t.Errorf("process in %s, host is %s", want, got)
		}
		return nil
	}))
	if own := netnsOf(t, "/proc/self/ns/net"); own == want {
		t.Error("the process is in the namespace of the test")
	}
}

func netnsOf(t *testing.T, path string) string {
	t.Helper()
	name, err := os.Readlink(path)
	if err != nil {
		t.Error(err)
	}
	return name
}

func TestSignalsReachTheProcess(t *testing.T) {
	_, hosts := newLab(t, 1)
	p, err := hosts[0].Start(exec.Command("sleep", "60"))
	must(t, err)
	must(t, p.Signal(syscall.SIGTERM))
	if err := p.Err(); err == nil || err.Error() != "signal: terminated" {
		t.Errorf("ended with %v", err)
	}
	if err := p.Signal(syscall.SIGTERM); err == nil {
		t.Error("a process that has ended took a signal")
	}
}

func TestCloseEndsEverything(t *testing.T) {
	l, hosts := newLab(t, 2)
	p, err := hosts[0].Start(exec.Command("sh", "-c", "sleep 60 & sleep 60"))
	must(t, err)
	frozen, err := hosts[1].Start(exec.Command("sleep", "60"))
	must(t, err)
	must(t, frozen.Signal(syscall.SIGSTOP))
	file := filepath.Join(t.TempDir(), "pid")
	_, err = hosts[1].Start(exec.Command("sh", "-c", "setsid sh -c 'echo $$ >"+file+"; exec sleep 60' &"))
	must(t, err)
	stray := 0 // has left the group, and what started it has ended
	eventually(t, "there is a stray", func() bool {
		text, _ := os.ReadFile(file)
		stray, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return stray > 0
	})
	pinger := ping(t, hosts[0], hosts[1].Eth0.IPv4.Addr().String())
	waitAnswers(t, pinger)
	l.Watch(hosts[0].Eth0.IPv4.Addr())

	must(t, l.Close())
	must(t, l.Close()) // again
	for _, pid := range []int{-p.PID(), frozen.PID(), stray} {
		eventually(t, "the processes are gone", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
	}
	eventually(t, "the namespaces are left", func() bool { return namespacesHere(t) == 1 })
	if err := hosts[0].Do(func() error { return nil }); err == nil {
		t.Error("a host of a closed lab still works")
	}
}

// namespacesHere counts the network namespaces that threads and descriptors of
// this process hold.
func namespacesHere(t *testing.T) int {
	t.Helper()
	found := map[string]bool{}
	for _, pattern := range []string{"/proc/self/task/*/ns/net", "/proc/self/fd/*"} {
		paths, err := filepath.Glob(pattern)
		must(t, err)
		for _, path := range paths {
			// A thread or descriptor may end while it is looked at.
			if name, err := os.Readlink(path); err == nil && strings.HasPrefix(name, "net:") {
				found[name] = true
			}
		}
	}
	return len(found)
}

const abandonEnv = "PERCH_TEST_ABANDON_LAB"

// abandonLab is the life of a process that makes a lab and is then killed.
func abandonLab() {
	p, err := processInALab()
	if err != nil {
		fmt.Println(err)
	} else {
		fmt.Println(p.PID())
	}
	select {}
}

func processInALab() (*Process, error) {
	l, err := New()
	if err != nil {
		return nil, err
	}
	sw, err := l.AddSwitch()
	if err != nil {
		return nil, err
	}
	h, err := l.AddHost("h1", sw)
	if err != nil {
		return nil, err
	}
	return h.Start(exec.Command("sleep", "60"))
}

func TestNothingOutlivesAKilledLab(t *testing.T) {
	NeedRoot(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), abandonEnv+"=1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the lab could not be made: %s", line)
	}
	ns, err := cookieOf(fmt.Sprintf("/proc/%d/ns/net", pid))
	must(t, err)

	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // "signal: killed"
	eventually(t, "the process in the lab is gone", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
	eventually(t, "the namespace is gone", func() bool { return !heldByAnybody(ns) })
}

func heldByAnybody(ns uint64) bool {
	looked := map[string]bool{}
	paths, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*/ns/net")
	own := fmt.Sprintf("/proc/%d/", os.Getpid()) // has threads of cookieOf, which take a moment to end
	for _, path := range paths {
		if strings.HasPrefix(path, own) {
			continue
		}
		name, err := os.Readlink(path)
		if err != nil || looked[name] {
			continue
		}
		cookie, err := cookieOf(path)
		if err == nil && cookie == ns {
			return true
		}
		looked[name] = err == nil
	}
	return false
}

// cookieOf returns the number of a network namespace that no other ever has, unlike its
// inode's, which the next one may get.
func cookieOf(path string) (cookie uint64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	done := make(chan struct{})
	onOwnThread(func() {
		defer close(done)
		if err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			return
		}
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd)
		cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	})
	<-done
	return cookie, err
}

func TestDiskIsSmallAndPrivate(t *testing.T) {
	dir := t.TempDir()
	_, hosts := newLab(t, 2)
	disk, err := hosts[0].MountDisk(dir, 64<<10)
	must(t, err)
	must(t, disk.Fill())
	write := func() error { return os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600) }
	if err := hosts[0].Do(write); err == nil || !strings.Contains(err.Error(), unix.ENOSPC.Error()) {
		t.Errorf("write to a full disk: %v", err)
	}
	must(t, hosts[1].Do(write))
	must(t, write())
	must(t, disk.Empty())
	must(t, hosts[0].Do(write))

	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	if strings.Contains(string(mounts), dir) {
		t.Error("the disk is mounted for the whole machine")
	}
}
