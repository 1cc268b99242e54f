package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// loadEnv says what load this program is to be: "processor", or how many bytes of memory it
// writes to in turns.
const loadEnv = "PERCH_E2E_LOAD"

// soakLoad is what keeps a machine busy: a process for each processor, and one that takes most of
// the memory that is left, writes to all of it, gives it back and begins anew.
type soakLoad struct {
	processes []*exec.Cmd
	leash     []io.Closer // each ends its process when it is closed, also by the end of this one
}

func startLoad() (*soakLoad, error) {
	memory, err := memoryToTake()
	if err != nil {
		return nil, err
	}
	b := &soakLoad{}
	for range runtime.NumCPU() {
		err = errors.Join(err, b.add("processor"))
	}
	if err = errors.Join(err, b.add(strconv.FormatInt(memory, 10))); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

func (b *soakLoad) add(kind string) error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), loadEnv+"="+kind)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the soak, which then ends it
	leash, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start load: %w", err)
	}
	b.processes, b.leash = append(b.processes, cmd), append(b.leash, leash)
	return nil
}

func (b *soakLoad) stop() {
	for i, cmd := range b.processes {
		_ = b.leash[i].Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// memoryToTake is most of what is left, but for a reserve: nothing is to be killed for it.
func memoryToTake() (int64, error) {
	if *soakMemory > 0 {
		return *soakMemory, nil
	}
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return max(kib<<10-2<<30, kib<<10/2) * 9 / 10, err
		}
	}
	return 0, errors.New("/proc/meminfo has no MemAvailable")
}

// beLoad keeps a processor or the memory busy until nobody holds its standard input.
func beLoad(kind string) error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if kind == "processor" {
		//lint:ignore SA5002 that is what it is for
		for {
		}
	}
	size, err := strconv.ParseInt(kind, 10, 64)
	if err != nil {
		return err
	}
	// If there is too little after all, this one is to go.
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil {
		return err
	}
	for {
		if err := writeAll(int(size)); err != nil {
			return err
		}
	}
}

// writeAll takes memory, writes to each page of it twice, and gives it back.
func writeAll(size int) error {
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	for turn := range byte(2) {
		for i := 0; i < size; i += os.Getpagesize() {
			memory[i] = turn + 1
		}
	}
	time.Sleep(time.Second)
	return os.NewSyscallError("munmap", unix.Munmap(memory))
}
