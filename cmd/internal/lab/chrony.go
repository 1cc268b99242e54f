package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// chronyUser is who chronyd becomes, and whose alone the folder of its socket may be.
const chronyUser = "_chrony"

// Chronyd is a real chronyd on a host, which serves time by the clock of the machine and
// never sets it.
type Chronyd struct {
	*Daemon
}

// NewChronyd writes the files of a chronyd into the folder, which is made. chronyd's user
// must be able to come to it.
func NewChronyd(h *Host, dir string) (*Chronyd, error) {
	c := &Chronyd{&Daemon{Name: "chronyd on " + h.Name, Host: h, Dir: dir}}
	config := filepath.Join(dir, "chrony.conf")
	c.command = func() *exec.Cmd { return inPIDNamespace(exec.Command("chronyd", "-x", "-d", "-f", config)) }
	run := filepath.Dir(c.Socket())
	text := fmt.Sprintf("sourcedir %s\nbindcmdaddress %s\npidfile %s/pid\ncmdport 0\nlocal stratum 10\nallow\n", c.SourcesDir(), c.Socket(), run)
	err := errors.Join(
		os.MkdirAll(c.SourcesDir(), 0o755),
		os.MkdirAll(run, 0o770),
		os.WriteFile(config, []byte(text), 0o644),
	)
	if err != nil {
		return nil, fmt.Errorf("write the files of %s: %w", c.Name, err)
	}
	return c, giveToChrony(run)
}

func giveToChrony(dir string) error {
	u, err := user.Lookup(chronyUser)
	if err != nil {
		return err
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return err
	}
	return os.Chown(dir, uid, gid)
}

// SourcesDir is the folder of the files that name chronyd's sources.
func (c *Chronyd) SourcesDir() string { return filepath.Join(c.Dir, "sources.d") }

// Socket is that of chronyd's commands.
func (c *Chronyd) Socket() string { return filepath.Join(c.Dir, "run", "chronyd.sock") }

// Sources returns whom chronyd asks for the time, as chronyc says.
func (c *Chronyd) Sources(ctx context.Context) ([]netip.Addr, error) {
	out, err := c.listed(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.Name, err)
	}
	var sources []netip.Addr
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(line, ",") // mode, state, address and more
		if len(fields) < 3 {
			return nil, fmt.Errorf("ask %s: it says %q", c.Name, line)
		}
		a, err := netip.ParseAddr(fields[2])
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", c.Name, err)
		}
		sources = append(sources, a)
	}
	return sources, nil
}

// listed is what chronyc says of the sources. It asks for one after the other by number, and
// so again when one has gone meanwhile.
func (c *Chronyd) listed(ctx context.Context) ([]byte, error) {
	for {
		cmd := exec.CommandContext(ctx, "chronyc", "-n", "-c", "-h", c.Socket(), "sources")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err == nil {
			return out, nil
		}
		if said := string(out) + stderr.String(); ctx.Err() != nil || !strings.Contains(said, "503 No such source") {
			return nil, fmt.Errorf("%w: %s", err, said)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
