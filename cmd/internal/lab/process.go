package lab

import (
	"fmt"
	"os/exec"
	"syscall"
)

// Process is a program that runs on a host. It is killed with the lab, and with
// this process, however this one ends.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// Start starts the command on the host, in a process group of its own so that a
// Ctrl-C in the terminal does not reach it.
func (h *Host) Start(cmd *exec.Cmd) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL // sent when the host's thread ends
	if err := h.Do(cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", cmd.Path, h.Name, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := h.keep(p); err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", cmd.Path, h.Name, err)
	}
	return p, nil
}

// keep lets the process end with the host, at once if the host has ended.
func (h *Host) keep(p *Process) error {
	h.mu.Lock()
	if !h.closed {
		defer h.mu.Unlock()
		h.processes = append(h.processes, p)
		return nil
	}
	h.mu.Unlock()
	p.kill()
	return errClosed
}

// PID returns the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal to the process.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("send %s to process %d: %w", sig, p.PID(), err)
	}
	return nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits until the process has ended and returns nil if it exited with 0,
// else an *exec.ExitError.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// kill kills the process and what it started, and waits for it.
func (p *Process) kill() {
	select {
	case <-p.done: // its number may be somebody else's by now
	default:
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	}
	<-p.done
}
