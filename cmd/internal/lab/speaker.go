package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// bgpSocket is the path of bgpd's vty, for what runs on the host of a [Speaker] and was
// started after it was made. Each host sees its own there.
const bgpSocket = frrDir + "/bgpd.vty"

// Speaker is what speaks BGP on a host: zebra and bgpd of FRR, which can be started and
// ended each by itself.
type Speaker struct {
	Host  *Host
	Zebra *Daemon
	BGPD  *Daemon
}

// speakerScript runs one program of FRR, $0 with its options, as the first process of a PID namespace, for
// the reason that frrScript has. Bgpd takes seconds to look for zebra a second time. With
// its option zebra replaces routes over IPv6, as it does over IPv4 in any case: else there
// is none for some microseconds whenever one changes.
const speakerScript = `
trap 'kill $program; wait $program; exit 0' TERM
rm -f /run/frr/$0.vty
until [ $0 = zebra ] || [ -S /run/frr/zserv.api ]; do sleep 0.01; done
/usr/lib/frr/$0 -A 127.0.0.1 -P 0 -i /run/frr/$0.pid -f /run/frr/$0.conf --log stdout "$@" & program=$!
wait
`

// newSpeaker returns a speaker with the text of bgpd's configuration, which is what it
// runs with whenever it starts. A host has one at most, and no other FRR.
func newSpeaker(h *Host, dir, config string) (*Speaker, error) {
	s := &Speaker{Host: h, Zebra: frrProgram(h, dir, "zebra", "--v6-rr-semantics"), BGPD: frrProgram(h, dir, "bgpd")}
	err := errors.Join(
		os.MkdirAll(s.Zebra.Dir, 0o700),
		os.MkdirAll(s.BGPD.Dir, 0o700),
		h.prepareFRR("bgpd.conf", config),
		h.Do(func() error { return os.WriteFile(frrDir+"/zebra.conf", nil, 0o644) }),
	)
	if err != nil {
		return nil, fmt.Errorf("prepare FRR on %s: %w", h.Name, err)
	}
	return s, nil
}

func frrProgram(h *Host, dir, name string, options ...string) *Daemon {
	d := &Daemon{Name: name + " on " + h.Name, Host: h, Dir: filepath.Join(dir, name)}
	d.command = func() *exec.Cmd { return firstProcess(speakerScript, append([]string{name}, options...)...) }
	return d
}

// Start starts both.
func (s *Speaker) Start() error { return errors.Join(s.Zebra.Start(), s.BGPD.Start()) }

// askLimit is how long bgpd may take for an answer.
const askLimit = 2 * time.Second

// Ask gives bgpd commands of a user who may do everything, and returns its answer to the
// last. It gives up on what bgpd refuses.
func (s *Speaker) Ask(commands ...string) (answer string, err error) {
	var conn net.Conn
	err = s.Host.Do(func() error {
		conn, err = net.DialTimeout("unix", bgpSocket, askLimit)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", s.BGPD.Name, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(askLimit)); err != nil {
		return "", fmt.Errorf("ask %s: %w", s.BGPD.Name, err)
	}
	for _, command := range append([]string{"enable"}, commands...) {
		if answer, err = ask(conn, command); err != nil {
			return "", fmt.Errorf("ask %s: %s: %w", s.BGPD.Name, command, err)
		}
	}
	return answer, nil
}

// ask gives one command to a vty, which ends its answers with three zeros and a status.
func ask(vty net.Conn, command string) (answer string, err error) {
	if _, err := vty.Write(append([]byte(command), 0)); err != nil {
		return "", err
	}
	var got []byte
	buf := make([]byte, 1<<14)
	for len(got) < 4 || [3]byte(got[len(got)-4:]) != [3]byte{} {
		n, err := vty.Read(buf)
		if err != nil {
			return "", err
		}
		got = append(got, buf[:n]...)
	}
	text, status := got[:len(got)-4], got[len(got)-1]
	if status != 0 {
		return "", fmt.Errorf("status %d: %s", status, text)
	}
	return string(text), nil
}
