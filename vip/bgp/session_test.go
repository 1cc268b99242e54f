package bgp

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhyNot(t *testing.T) {
	for _, c := range []struct {
		errno unix.Errno
		state State
		want  string
	}{
		{unix.EACCES, Unreachable, "frrvty"},
		{unix.ENOENT, Unreachable, "no such file"},
		{unix.ECONNREFUSED, Unreachable, "refused"},
		{unix.EAGAIN, Wedged, "takes no connections in at /run/bgpd.vty"},
	} {
		err := whyNot("/run/bgpd.vty", &net.OpError{Op: "dial", Err: c.errno})
		if stateOf(err) != c.state || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %s, %v", c.errno, stateOf(err), err)
		}
	}
}

// peer answers each command on a socket as bgpd would, or would not.
func peer(t *testing.T, answers ...string) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "vty")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for _, answer := range answers {
			if _, err := c.Read(make([]byte, 1024)); err != nil {
				return
			}
			if _, err := c.Write([]byte(answer)); err != nil {
				return
			}
		}
	}()
	return socket
}

func TestAnswersOfBGPD(t *testing.T) {
	for name, c := range map[string]struct {
		answer, want string
		err          error
	}{
		"done":             {"\x00\x00\x00\x00", "", nil},
		"text":             {"line\n\x00\x00\x00\x00", "line\n", nil},
		"a huge one":       {strings.Repeat("network\n", 1<<17) + "\x00\x00\x00\x00", strings.Repeat("network\n", 1<<17), nil},
		"a refusal":        {"% Unknown command\n\x00\x00\x00\x02", "", errRefused},
		"a warning":        {"% Malformed prefix\n\x00\x00\x00\x01", "", errRefused},
		"cut short":        {"line\n\x00\x00", "", errWedged}, // and the connection ends
		"without an end":   {"garbage", "", errWedged},
		"without a status": {"\x00\x00\x00", "", errWedged},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := dial(peer(t, c.answer))
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			got, err := ask(v, "enable")
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%d bytes, error %v, want %v", len(got), err, c.err)
			}
		})
	}
}
