package lab

import (
	"fmt"
	"os"
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
	p, err := h.ns.start(cmd)
	if err == nil {
		err = h.keep(p)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", cmd.Path, h.Name, err)
	}
	return p, nil
}

// start starts the command in the namespace. Whoever calls it sees to its end.
func (ns *namespace) start(cmd *exec.Cmd) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL // sent when the namespace's thread ends
	if err := ns.do(cmd.Start); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
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

// signalGroup sends a signal to the process and to what it started.
func (p *Process) signalGroup(sig syscall.Signal) error {
	select {
	case <-p.done: // its number may be somebody else's by now
		return fmt.Errorf("send %s to process %d: %w", sig, p.PID(), os.ErrProcessDone)
	default:
	}
	if err := syscall.Kill(-p.PID(), sig); err != nil {
		return fmt.Errorf("send %s to process group %d: %w", sig, p.PID(), err)
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
	_ = p.signalGroup(syscall.SIGKILL) // it may have ended
	<-p.done
}
