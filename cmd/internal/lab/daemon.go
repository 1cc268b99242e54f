package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Daemon is a program on a host that is started and ended many times. Its files and
// its log are in a folder of its own.
type Daemon struct {
	Name string
	Host *Host
	Dir  string

	command func() *exec.Cmd // a new one each time
	process *Process
}

// NewDaemon returns a daemon that runs the command, and does not start it.
func NewDaemon(name string, h *Host, dir string, command ...string) *Daemon {
	start := func() *exec.Cmd { return exec.Command(command[0], command[1:]...) }
	return &Daemon{Name: name, Host: h, Dir: dir, command: start}
}

// Runs has the daemon run another command from its next start on, a new one each time.
func (d *Daemon) Runs(command func() *exec.Cmd) { d.command = command }

// LogFile is the path of what the daemon writes to its standard output and error.
func (d *Daemon) LogFile() string { return filepath.Join(d.Dir, "log") }

// Start starts the daemon. Its log goes to LogFile, after what is there.
func (d *Daemon) Start() error {
	log, err := os.OpenFile(d.LogFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", d.Name, err)
	}
	cmd := d.command()
	cmd.Stdout, cmd.Stderr = log, log
	d.process, err = d.Host.Start(cmd)
	return errors.Join(err, log.Close())
}

// Running reports whether the daemon was started and has not ended.
func (d *Daemon) Running() bool {
	if d.process == nil {
		return false
	}
	select {
	case <-d.process.Done():
		return false
	default:
		return true
	}
}

// Process is the daemon that was started last, or nil.
func (d *Daemon) Process() *Process { return d.process }

// Terminate sends SIGTERM and returns how the daemon ended; an error when it
// did not exit with 0, or not before ctx was done.
func (d *Daemon) Terminate(ctx context.Context) error {
	if err := d.process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.process.Done():
	case <-ctx.Done():
		return fmt.Errorf("wait for the end of %s after SIGTERM: %w", d.Name, context.Cause(ctx))
	}
	if err := d.process.Err(); err != nil {
		return fmt.Errorf("end of %s after SIGTERM: %w", d.Name, err)
	}
	return nil
}

// Kill ends all processes of the daemon with SIGKILL and waits for its end.
func (d *Daemon) Kill() error {
	if err := d.process.signalGroup(syscall.SIGKILL); err != nil {
		return err
	}
	<-d.process.Done()
	return nil
}

// Freeze stops all processes of the daemon until Thaw.
func (d *Daemon) Freeze() error { return d.process.signalGroup(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (d *Daemon) Thaw() error { return d.process.signalGroup(syscall.SIGCONT) }

// LogTail returns the last lines of the daemon's log.
func (d *Daemon) LogTail(lines int) string {
	log, err := os.ReadFile(d.LogFile())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
