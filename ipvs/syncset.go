package ipvs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// SyncDaemons returns the kernel's sync daemons of this network namespace.
func SyncDaemons() (daemons []SyncDaemon, err error) {
	err = withSocket(func(s *socket) error {
		daemons, err = listSync(s)
		return err
	})
	return daemons, err
}

// SetSync has the kernel run the wanted sync daemons in this network namespace, at most
// one of each role, and no others. One that runs as wanted is not touched.
func SetSync(want []SyncDaemon) error {
	return withSocket(func(s *socket) error {
		have, err := listSync(s)
		if err != nil {
			return err
		}
		stop, start := planSync(have, want)
		var errs []error
		for _, d := range stop {
			errs = append(errs, stopSync(s, d))
		}
		for _, d := range start {
			errs = append(errs, startSync(s, d))
		}
		return errors.Join(errs...)
	})
}

func withSocket(do func(*socket) error) error {
	s, err := openSocket()
	if err != nil {
		return fmt.Errorf("open IPVS: %w", err)
	}
	return errors.Join(do(s), s.close())
}

func listSync(s *socket) ([]SyncDaemon, error) {
	answers, err := s.dump(cmdGetDaemon)
	if err != nil {
		return nil, fmt.Errorf("list the kernel's sync daemons: %w", err)
	}
	daemons := make([]SyncDaemon, len(answers))
	for i, answer := range answers {
		if daemons[i], err = decodeDaemon(answer); err != nil {
			return nil, fmt.Errorf("read a sync daemon from the kernel: %w", err)
		}
	}
	return daemons, nil
}

// startSync starts d.
func startSync(s *socket, d SyncDaemon) error {
	err := s.send([]request{encodeStart(d)})[0]
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("start %s: its values are wrong, or some service has servers of another family: %w", d, err)
	default:
		return fmt.Errorf("start %s: %w", d, err)
	}
}

// stopSync stops the daemon in d's role; it need not run.
func stopSync(s *socket, d SyncDaemon) error {
	err := s.send([]request{encodeStop(d.Role)})[0]
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("stop %s: %w", d, err)
	}
	return nil
}
