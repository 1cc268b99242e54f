package ipvs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var (
	// errMissing is what a step of something that is not in the kernel ends with.
	errMissing = errors.New("the kernel does not have it")
	// errMadeByOthers is said of a service that is not perch's.
	errMadeByOthers = errors.New("somebody else has made it")
	// errUnanswered is what a step ends with of which the kernel has not said what became.
	errUnanswered = errors.New("the kernel did not answer")
)

// explain returns what became of a step, of which the kernel says err: nil, if what it was
// to do is done, otherwise an error in words.
func explain(s step, err error) error {
	if err == nil || isDone(s.verb, err) {
		return nil
	}
	switch s.verb {
	case addService, editService:
		err = explainService(s, err)
	default:
		err = explainServer(s, err)
	}
	return fmt.Errorf("%s: %w", s.task(), err)
}

// isDone says whether the kernel's refusal means that nothing is left to do.
func isDone(v verb, err error) bool {
	switch v {
	case addServer:
		return errors.Is(err, unix.EEXIST)
	case removeService:
		return errors.Is(err, unix.ESRCH)
	case removeServer:
		return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) // nor the service
	default:
		return false
	}
}

func explainService(s step, err error) error {
	switch {
	case errors.Is(err, unix.EEXIST):
		return errMadeByOthers
	case errors.Is(err, unix.ESRCH):
		return errMissing
	case errors.Is(err, unix.ENOENT) && s.Persistence.Engine != "":
		return fmt.Errorf("scheduler %q or persistence engine %q: %w, nor a module ip_vs_%[1]s or ip_vs_pe_%[2]s", s.Scheduler, s.Persistence.Engine, errMissing)
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("scheduler %q: %w, nor a module ip_vs_%[1]s", s.Scheduler, errMissing)
	default:
		return err
	}
}

func explainServer(s step, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return errMissing
	case errors.Is(err, unix.ESRCH):
		return fmt.Errorf("its service: %w", errMissing)
	case errors.Is(err, unix.EINVAL) && FamilyOf(s.Server.Address.Addr()) != s.Family:
		return fmt.Errorf("a server of another family than its service needs a tunnel, and no sync daemon: %w", err)
	case errors.Is(err, unix.EINVAL) && s.verb == addServer:
		return fmt.Errorf("the kernel takes its address for no host's, as it does with a broadcast address: %w", err)
	default:
		return err
	}
}

// task says what a step is to do: "add server 10.0.0.1:80 to tcp 198.18.0.100:80".
func (s step) task() string {
	switch s.verb {
	case addService:
		return fmt.Sprint("add service ", s.Key)
	case editService:
		return fmt.Sprint("edit service ", s.Key)
	case removeService:
		return fmt.Sprint("remove service ", s.Key)
	case addServer:
		return fmt.Sprintf("add server %s to %s", s.Server.Address, s.Key)
	case editServer:
		return fmt.Sprintf("edit server %s of %s", s.Server.Address, s.Key)
	default:
		return fmt.Sprintf("remove server %s of %s", s.Server.Address, s.Key)
	}
}
