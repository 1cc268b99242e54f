package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kernelJob runs a shell script in a kernel and returns what it wrote. Nothing may be
// left of the kernel.
func kernelJob(t *testing.T, limit time.Duration, script string, args ...string) (output string, err error) {
	t.Helper()
	NeedKernel(t)
	files := t.TempDir()
	t.Setenv("TMPDIR", files)
	file := filepath.Join(t.TempDir(), "job")
	must(t, os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o700))
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	output, err = BootKernel(ctx, Job{Binary: file, Args: args, Modules: []string{"dummy", "vrf"}})
	left, readErr := os.ReadDir(files)
	must(t, readErr)
	for _, entry := range left {
		t.Errorf("%s is left", entry.Name())
	}
	return output, err
}

func TestKernelRunsItsJob(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	must(t, os.WriteFile(mark, nil, 0o600))
	output, err := kernelJob(t, time.Minute, `
		echo "$# $1 $2"
		ip -brief link show type vrf
		ip link add d0 type dummy && ip link set d0 up && echo dummy
		touch /usr/here && ls /usr/here
		echo >"$0" || echo read-only
		ls "$3" || echo fresh
		exit 3
	`, "two words", "it's ^a$", mark)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("ended with %v, want exit status 3", err)
	}
	for _, want := range []string{"3 two words it's ^a$\n", "dummy\n", "\n/usr/here\n", "read-only\n", "fresh\n"} {
		if !strings.Contains(output, want) {
			t.Errorf("no %q in the output", want)
		}
	}
	if t.Failed() {
		t.Log(output)
	}
	if _, err := os.Stat("/usr/here"); err == nil {
		t.Error("the job wrote to the host's files")
	}
}

func TestKernelEndsInTime(t *testing.T) {
	output, err := kernelJob(t, 5*time.Second, "exec sleep 1000")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v and output %q, want the limit", err, output)
	}
}

func TestKernelWithoutJobSaysWhy(t *testing.T) {
	NeedKernel(t)
	_, err := BootKernel(t.Context(), Job{Binary: "/bin/true", Modules: []string{"nobody"}})
	for _, want := range []string{"the job has not ended", "Module nobody not found"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestTailIsTheEnd(t *testing.T) {
	var end tail
	for _, text := range []string{"begin", strings.Repeat("x", tailSize-1), "end"} {
		if n, err := end.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := strings.Repeat("x", tailSize-3) + "end"; end.String() != want {
		t.Errorf("%d bytes, want %d that end with %q", len(end.kept), len(want), "end")
	}
}

// A job runs on a system of its own, whose manager is systemd, and the system stays as it is.
func TestSystemRunsItsJob(t *testing.T) {
	NeedSystem(t)
	making, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	tree, err := SystemTree(making)
	must(t, err)
	file := filepath.Join(t.TempDir(), "job")
	must(t, os.WriteFile(file, []byte("#!/bin/sh\n"+`
		readlink /proc/1/exe
		touch /usr/here && ls /usr/here
		ip link add d0 type dummy && echo dummy
		systemctl is-active lab-job.service
		exit 3
	`), 0o700))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	output, err := BootKernel(ctx, Job{Binary: file, Tree: tree})
	if err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("ended with %v, want exit status 3", err)
	}
	if want := "/usr/lib/systemd/systemd\n/usr/here\ndummy\nactivating\n"; output != want {
		t.Errorf("wrote %q, want %q", output, want)
	}
	if _, err := os.Stat(filepath.Join(tree, "usr/here")); err == nil {
		t.Error("the job has changed the system itself")
	}
}
