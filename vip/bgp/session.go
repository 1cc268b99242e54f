package bgp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/seesaw/quagga"
	"golang.org/x/sys/unix"
)

// vty is a connection to bgpd. After an error of Command it is of no use any more: nobody
// knows which answer comes next, or in which mode bgpd is.
type vty interface {
	Command(line string) (answer string, err error)
	Close() error
}

// errWedged says that bgpd is there, and does not answer.
var errWedged = errors.New("bgpd does not answer")

// errUnreachable says that nobody listens at the socket, or none that may be spoken to.
var errUnreachable = errors.New("bgpd is not reachable")

// errRefused says that bgpd does not do what it is told.
var errRefused = errors.New("bgpd refuses")

// dial connects to bgpd's socket. It does not wait: the kernel says at once when nobody
// takes connections in.
func dial(socket string) (vty, error) {
	v := quagga.NewVTY(socket)
	if err := v.Dial(); err != nil {
		return nil, whyNot(socket, err)
	}
	return v, nil
}

// whyNot is what an error of dialing means.
func whyNot(socket string, err error) error {
	switch {
	case errors.Is(err, unix.EAGAIN): // so many wait already
		return fmt.Errorf("%w: it takes no connections in at %s", errWedged, socket)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w: %w: perch must be in the socket's group, mostly frrvty, or have CAP_DAC_OVERRIDE", errUnreachable, err)
	default:
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
}

// ask gives one command and returns its answer.
func ask(v vty, line string) (string, error) {
	answer, err := v.Command(line)
	if refusal, ok := errors.AsType[quagga.VTYError](err); ok {
		return "", fmt.Errorf("%w %q: %s", errRefused, line, meaning(refusal))
	}
	if err != nil {
		return "", fmt.Errorf("%w to %q: %w", errWedged, line, err)
	}
	return answer, nil
}

// meaning is what bgpd says of a refusal, in one line.
func meaning(e quagga.VTYError) string {
	if text := strings.Join(strings.Fields(strings.ReplaceAll(e.Response, "%", " ")), " "); text != "" {
		return text
	}
	return fmt.Sprintf("status %d", e.Status)
}
