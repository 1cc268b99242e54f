package checker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// scriptRun is a script that runs, as the leader of a process group of its own, so that the
// group can be killed as a whole. It has no session of its own: the scheduler may give each
// session a share of the processors (sched(7), autogroup), and on a busy machine a new one
// kept the fork, and the daemon with it, waiting for a tenth of a second.
//
// There is no parent death signal: it is tied to the thread that forks, and those of the
// runtime may end. What starts the daemon ends what a killed daemon leaves behind.
type scriptRun struct {
	pid    int
	pidfd  *os.File
	as     *account
	marker string   // the environment of all that it starts has it
	more   []string // that its environment has
	strays []int    // those that were killed for it
	output *output
}

// startScript starts a program. The fork shares the daemon's memory until the exec (vfork),
// so its cost does not grow with the daemon. Meanwhile it keeps a processor of the runtime,
// and whatever stops the world keeps waiting for it: so the exec must not wait for anything.
func startScript(argv []string, as *account, variables []string) (*scriptRun, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer func() { _ = null.Close() }()
	output, write, err := openOutput()
	if err != nil {
		return nil, err
	}
	defer func() { _ = write.Close() }()
	readAhead(argv[0])
	run := &scriptRun{as: as, marker: "PERCH_CHECK=" + rand.Text(), more: variables, output: output}
	go output.take()
	if err := run.start(argv, []uintptr{null.Fd(), write.Fd(), write.Fd()}); err != nil {
		output.close()
		return nil, err
	}
	return run, nil
}

func (r *scriptRun) start(argv []string, files []uintptr) error {
	var pidfd int
	attr := &syscall.ProcAttr{
		Dir:   "/",
		Env:   append([]string{scriptPath, r.marker}, r.more...),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setpgid: true, Credential: r.as.credential(), PidFD: &pidfd},
	}
	err := whileStarting(func() (err error) {
		r.pid, err = syscall.ForkExec(argv[0], argv, attr)
		return err
	})
	if err != nil {
		return err
	}
	r.standBack()
	if r.pidfd, err = pollable(pidfd); err != nil {
		r.kill()
		r.reap()
	}
	return err
}

// pollable takes a pidfd over, so that to wait for it takes no thread.
func pollable(pidfd int) (*os.File, error) {
	if pidfd < 0 {
		return nil, errors.New("open pidfd: the kernel knows none, it is older than Linux 5.3")
	}
	if err := unix.SetNonblock(pidfd, true); err != nil {
		return nil, errors.Join(fmt.Errorf("set pidfd nonblocking: %w", err), unix.Close(pidfd))
	}
	return os.NewFile(uintptr(pidfd), "pidfd"), nil
}

// finish waits until the script or ctx ends, of which the error tells, and leaves nothing
// of it behind.
func (r *scriptRun) finish(ctx context.Context) (unix.WaitStatus, error) {
	err := r.await(ctx)
	r.kill()
	status := r.reap()
	r.output.close()
	_ = r.pidfd.Close()
	return status, err
}

// finishAlone is finish, but leaves be what a script that has ended by itself has started: it
// may go on writing, too.
func (r *scriptRun) finishAlone(ctx context.Context) (unix.WaitStatus, error) {
	err := r.await(ctx)
	var status unix.WaitStatus
	if err != nil {
		r.kill()
		status = r.reap()
	} else {
		status = r.wait()
	}
	r.output.release()
	_ = r.pidfd.Close()
	return status, err
}

// briefRun is how long a run may be for what has left its group to be looked for: there are as
// many numbers to look at as there were forks meanwhile.
const briefRun = 30 * time.Second

// finishAsked is finish, but the group is asked to end when ctx does, and has grace for that.
// What has left the group is killed after a brief run alone, as that of a script is that goes
// into the background.
func (r *scriptRun) finishAsked(ctx context.Context, grace time.Duration) (unix.WaitStatus, error) {
	begin := time.Now()
	err := r.await(ctx)
	if err != nil {
		r.signalGroup(unix.SIGTERM)
		patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		_ = r.pidfd.SetReadDeadline(time.Time{})
		_ = r.await(patient)
	}
	if time.Since(begin) < briefRun {
		r.kill()
	} else {
		r.signalGroup(unix.SIGKILL)
	}
	status := r.reap()
	r.output.close()
	_ = r.pidfd.Close()
	return status, err
}

// signalGroup signals the script's group. The script is not yet reaped, so the group's number
// cannot be another's.
func (r *scriptRun) signalGroup(s unix.Signal) {
	r.as.whileKilling(func() { _ = unix.Kill(-r.pid, s) })
}

func (r *scriptRun) await(ctx context.Context) error {
	defer onEnd(ctx, r.pidfd)()
	conn, err := r.pidfd.SyscallConn()
	if err != nil {
		return fmt.Errorf("wait for script: %w", err)
	}
	over := false
	err = conn.Read(func(fd uintptr) bool {
		over = hasEnded(int(fd))
		return over
	})
	switch {
	case over:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("wait for script: %w", err)
}

// hasEnded tells whether the process of a pidfd has ended, with all its threads.
func hasEnded(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// kill kills the script's group and what has left it. The script is not yet reaped, so the
// group's number cannot be another's. Nobody is asked first: a script that hangs, or has
// ended and left something behind, has had its time.
func (r *scriptRun) kill() {
	r.as.whileKilling(func() {
		_ = unix.Kill(-r.pid, unix.SIGKILL)
		r.strays = killMarked(r.pid, r.marker)
	})
}

func (r *scriptRun) reap() unix.WaitStatus {
	status := r.wait()
	r.reapOrphans()
	return status
}

// wait reaps the script itself.
func (r *scriptRun) wait() (status unix.WaitStatus) {
	for {
		if _, err := unix.Wait4(r.pid, &status, 0, nil); err != unix.EINTR {
			return status
		}
	}
}

// reapOrphans reaps what the script has left, which is dead or dies, if that has become this
// process's: nobody else does where it is the first one, as in a container.
func (r *scriptRun) reapOrphans() {
	group := []int{-r.pid} // before the strays, whose parents may be in it
	for began := time.Now(); time.Since(began) < markedPatience; time.Sleep(markedRest) {
		again := false
		for _, pid := range append(group, r.strays...) {
			_, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
			again = again || err == nil
		}
		if !again {
			return
		}
	}
}
