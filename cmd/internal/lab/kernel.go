package lab

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// umlModules is where Debian's package user-mode-linux has the modules of its kernel.
const umlModules = "/usr/lib/uml/modules"

//go:embed kernel
var kernelFiles embed.FS

// Job is a program that a kernel of its own runs.
type Job struct {
	Binary  string // a program whose folder is all it needs beside the system's
	Args    []string
	Modules []string // of the kernel, loaded beforehand: "vrf"
	Tree    string   // a system with systemd that the job runs on; "" for that of this machine, without
}

// BootKernel boots a User-mode Linux, an ordinary process of this machine, runs the job in
// it as root and returns what the job wrote to its standard output and error, also with an
// error. The job sees the files of this machine, with /run and /tmp empty but for its own
// folder, or those of its Tree; what it writes is gone with the kernel, as is all else when
// ctx is done.
//
// That kernel has what small ones lack (IPVS, netem, dummy, vlan, vrf) but one CPU, no
// nftables and slow system calls. It needs root, linux.uml(1), modprobe(8) and gcc(1).
func BootKernel(ctx context.Context, job Job) (output string, err error) {
	dir, err := os.MkdirTemp("", "perch-kernel-")
	if err != nil {
		return "", fmt.Errorf("boot a kernel: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	job.Binary, err = filepath.Abs(job.Binary)
	if err == nil {
		err = job.prepare(dir)
	}
	if err != nil {
		return "", fmt.Errorf("prepare a kernel for %s: %w", job.Binary, err)
	}
	console, ran := job.boot(ctx, dir)
	written, _ := os.ReadFile(filepath.Join(dir, "output")) // there is none where the job has not begun
	if ran = errors.Join(ran, jobStatus(dir)); ran != nil {
		return string(written), fmt.Errorf("run %s in a kernel of its own: %w\nits console:\n%s", job.Binary, ran, console)
	}
	return string(written), nil
}

// prepare fills dir: what the kernel runs first, the job, and the modules for modprobe -d.
func (j Job) prepare(dir string) error {
	words := []string{"exec", quoteShell(j.Binary)}
	for _, arg := range j.Args {
		words = append(words, quoteShell(arg))
	}
	script := "#!/bin/sh\n" + strings.Join(words, " ") + "\n"
	lib := filepath.Join(dir, "lib")
	return errors.Join(
		os.CopyFS(dir, kernelFiles),
		os.Chmod(filepath.Join(dir, "kernel", j.first()), 0o700),
		os.WriteFile(filepath.Join(dir, "job"), []byte(script), 0o700),
		os.Mkdir(lib, 0o700),
		os.Symlink(umlModules, filepath.Join(lib, "modules")),
		command("gcc", "-shared", "-fPIC", "-o", filepath.Join(dir, "xstate.so"), filepath.Join(dir, "kernel/xstate.c")),
	)
}

// first is the program that the kernel starts.
func (j Job) first() string {
	if j.Tree != "" {
		return "system"
	}
	return "init"
}

func quoteShell(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// boot runs the kernel until it halts or ctx is done. It is the first process of a
// namespace of processes, so that all of its own end with it, and it ends with this one.
func (j Job) boot(ctx context.Context, dir string) (console *tail, err error) {
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends
	defer runtime.UnlockOSThread()
	console = &tail{}
	running, end := context.WithCancel(ctx)
	defer end()
	go endAfterJob(running, end, dir)
	cmd := exec.CommandContext(running, "linux.uml",
		"mem=1G", "rootfstype=hostfs", "rootflags=/", "ro", "con=null", "con0=fd:0,fd:1", "quiet",
		"uml_dir="+dir, "init="+filepath.Join(dir, "kernel", j.first()),
		"DIR="+dir, "JOBDIR="+filepath.Dir(j.Binary), "TREE="+j.Tree, "MODULES="+strings.Join(j.Modules, ","))
	cmd.Dir = dir
	cmd.Env = []string{"LD_PRELOAD=" + filepath.Join(dir, "xstate.so")} // no TMPDIR: its memory is a file there
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case running.Err() != nil: // the job has ended, and that is all that counts
		err = nil
	}
	return console, err
}

// haltLimit is how long a kernel may take to halt when its job has ended.
const haltLimit = 15 * time.Second

// endAfterJob ends a kernel that does not halt by itself after its job.
func endAfterJob(running context.Context, end func(), dir string) {
	for wait := 200 * time.Millisecond; ; {
		select {
		case <-running.Done():
			return
		case <-time.After(wait):
		}
		if wait == haltLimit {
			end()
			return
		}
		if _, err := os.Stat(filepath.Join(dir, "status")); err == nil {
			wait = haltLimit
		}
	}
}

// jobStatus returns how the job ended, which the kernel's own exit does not tell.
func jobStatus(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return errors.New("the job has not ended")
	}
	status, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("read the status of the job: %w", err)
	}
	if status != 0 {
		return fmt.Errorf("exit status %d", status)
	}
	return nil
}
