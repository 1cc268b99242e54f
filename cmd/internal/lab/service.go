package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Ports of a Service.
const (
	HTTPPort  = 80
	HTTPSPort = 443 // with a certificate
)

// Service is a real web server on a host. It answers at all addresses of the host, those
// that come later too, and whatever is asked: with the host's name.
//
// Its first process is that of a PID namespace, so that none of them outlives it.
type Service struct {
	*Daemon

	config string // path
	text   func(Manner) string
	reload syscall.Signal
	loaded string // that it logs when it has loaded its config
}

// Manner is how a Service answers.
type Manner struct {
	Status      int           // 0 for 200
	Delay       time.Duration // of each answer, in whole milliseconds
	Certificate string        // PEM file of a certificate and its key; "" for no https
}

func (m Manner) status() int {
	if m.Status == 0 {
		return 200
	}
	return m.Status
}

// newService writes the files of a service into the folder, which is made.
func newService(s *Service, m Manner) (*Service, error) {
	s.config = filepath.Join(s.Dir, "config")
	err := errors.Join(os.MkdirAll(s.Dir, 0o700), s.write(m))
	if err != nil {
		return nil, fmt.Errorf("write the files of %s: %w", s.Name, err)
	}
	return s, nil
}

func (s *Service) write(m Manner) error {
	return os.WriteFile(s.config, []byte(s.text(m)), 0o600)
}

// inPIDNamespace makes the command the first process of a PID namespace.
func inPIDNamespace(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	return cmd
}

// ConfigFile is the path of the server's config, which its command line has.
func (s *Service) ConfigFile() string { return s.config }

// PIDFile is the path of a file with the number of the first process, which stays when
// that has ended.
func (s *Service) PIDFile() string { return filepath.Join(s.Dir, "service.pid") }

// Start starts the server and writes its PIDFile.
func (s *Service) Start() error {
	return s.loading(func() error {
		if err := s.Daemon.Start(); err != nil {
			return err
		}
		return os.WriteFile(s.PIDFile(), []byte(strconv.Itoa(s.Process().PID())+"\n"), 0o644)
	})
}

// Become changes how the server answers, which goes on to do so without a pause.
func (s *Service) Become(m Manner) error {
	if err := s.write(m); err != nil {
		return fmt.Errorf("write the config of %s: %w", s.Name, err)
	}
	return s.loading(func() error { return s.Process().Signal(s.reload) })
}

// loading calls load, and waits until the server has loaded its config and heeds signals:
// one that comes before is lost.
func (s *Service) loading(load func() error) error {
	before := s.loads()
	if err := load(); err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); s.loads() == before || !s.heeds(s.reload); time.Sleep(time.Millisecond) {
		if !s.Running() || time.Now().After(deadline) {
			return fmt.Errorf("%s does not load its config: %s", s.Name, s.LogTail(5))
		}
	}
	return nil
}

func (s *Service) loads() int {
	log, _ := os.ReadFile(s.LogFile()) // there is none before the first start
	return strings.Count(string(log), s.loaded)
}

// heeds reports whether the first process handles the signal (proc(5), SigCgt).
func (s *Service) heeds(sig syscall.Signal) bool {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Process().PID()))
	_, rest, _ := strings.Cut(string(status), "SigCgt:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	caught, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && caught&(1<<(sig-1)) != 0
}

// Stop sends SIGTERM to the first process, as an operator does, and waits for the end of
// all of them.
func (s *Service) Stop(limit time.Duration) error {
	if err := s.Process().Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.Process().Done():
		return nil
	case <-time.After(limit):
		return fmt.Errorf("wait for the end of %s after SIGTERM: still there after %s", s.Name, limit)
	}
}
