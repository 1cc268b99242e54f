package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOrphanage(t *testing.T) {
	o := orphanage{}
	for i, step := range []struct{ dead, want []int }{
		{nil, nil},
		{[]int{7, 8}, nil}, // somebody may be about to hear of them
		{[]int{8, 9}, nil},
		{[]int{7, 8, 9}, []int{8}},
		{[]int{7, 9}, []int{9}},
		{[]int{7}, []int{7}},
		{nil, nil},
		{[]int{7}, nil}, // another one
	} {
		if got := o.look(step.dead); !slices.Equal(got, step.want) {
			t.Errorf("step %d: orphans are %v, want %v", i, got, step.want)
		}
	}
}

func TestDeadChild(t *testing.T) {
	for stat, want := range map[string]bool{
		"12 (sh) Z 1 12 12 0 -1":     true,
		"12 (a) S 2 (b) Z 1 12 12 0": true,
		"12 (sh) S 1 12 12 0 -1":     false,
		"12 (sh) Z 11 12 12 0 -1":    false,
		"12 (Z 1 ) S 1 12 12 0 -1":   false,
		"12 (sh) Z":                  false,
		"":                           false,
	} {
		if got := isDeadChild([]byte(stat), 1); got != want {
			t.Errorf("%q: %v", stat, got)
		}
	}
}

// initEnv has this test be process 1 of a container.
const initEnv = "PERCH_TEST_INIT"

func TestOrphansAreReaped(t *testing.T) {
	if os.Getenv(initEnv) != "" {
		if err := beInit(); err != nil {
			t.Fatal(err)
		}
		return
	}
	needRoot(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestOrphansAreReaped$")
	cmd.Env = append(os.Environ(), initEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// beInit starts programs that leave others behind, and wants these to be gone some time
// after their end, and to hear of the end of the programs themselves.
func beInit() error {
	if os.Getpid() != 1 {
		return fmt.Errorf("process %d, want 1", os.Getpid())
	}
	if err := errors.Join(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount("proc", "/proc", "proc", 0, "")); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = reapOrphans(ctx, 20*time.Millisecond) }()
	for range 20 {
		if err := exec.Command("sh", "-c", "(sleep 0.05; exit 3) & exit 0").Run(); err != nil {
			return fmt.Errorf("the end of a program that is no orphan: %w", err)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var info unix.Siginfo
		if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); errors.Is(err, unix.ECHILD) {
			return nil
		}
	}
	return errors.New("orphans are left")
}
