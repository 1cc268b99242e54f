//go:build systemd

package packaged

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

var vip = netip.MustParsePrefix("198.18.0.100/24")

// heartbeat is for a kernel that is slow, and has to look for two owners meanwhile.
const heartbeat = 3 * time.Second

const (
	folder = "/etc/perch"
	config = folder + "/perch.toml"
	socket = "/run/perch/perch.sock"
	dropIn = "/etc/systemd/system/perch.service.d"
	shared = "/usr/share/perch/perch.service.d-examples"
)

// cluster is the unit as lb1, and two plain processes.
type cluster struct {
	t     *testing.T
	lab   *lab.Lab
	host  *lab.Host // of the unit
	peers []*lab.Node
	once  sync.Once
}

// newCluster configures the unit as its users do, and starts the two others.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	l, err := lab.New()
	must(t, err)
	c := &cluster{t: t, lab: l}
	t.Cleanup(c.end)
	sw, err := l.AddSwitch()
	must(t, err)
	var hosts []*lab.Host
	for _, name := range []string{"lb1", "lb2", "lb3"} {
		h, err := l.AddHost(name, sw)
		must(t, err)
		hosts = append(hosts, h)
	}
	c.host = hosts[0]
	c.configure()
	secret, err := os.ReadFile(filepath.Join(folder, "secret"))
	must(t, err)
	dir, err := os.MkdirTemp("", "lb-")
	must(t, err)
	lc, err := lab.NewCluster(lab.ClusterSpec{
		Binary: *perchBinary, Dir: dir, Name: "edge", Secret: strings.TrimSpace(string(secret)), Heartbeat: heartbeat,
		VIPs: []lab.VIP{{Address: vip, Interface: "eth0"}},
	}, hosts...)
	must(t, err)
	c.peers = lc.Nodes[1:]
	for _, n := range c.peers {
		must(t, n.Start())
	}
	return c
}

// configure writes the config of the unit by perch init, and brings it into its namespace.
func (c *cluster) configure() {
	run(c.t, "perch", "init", "--name", "lb1", "--cluster", "edge", "--vip", vip.String(), "--interface", "eth0",
		"--peer", "lb1=198.18.0.1", "--peer", "lb2=198.18.0.2", "--peer", "lb3=198.18.0.3")
	text, err := os.ReadFile(config)
	must(c.t, err)
	slow := strings.Replace(string(text), `# failover = "normal"`, fmt.Sprintf("heartbeat = %q", heartbeat), 1)
	must(c.t, os.WriteFile(config, []byte(slow), 0o644))
	c.extend("net-namespace.conf")
	must(c.t, errors.Join(os.MkdirAll("/run/netns", 0o755), os.WriteFile("/run/netns/edge", nil, 0o644)))
	must(c.t, c.host.Do(func() error { return unix.Mount("/proc/thread-self/ns/net", "/run/netns/edge", "", unix.MS_BIND, "") }))
}

// extend puts one of the package's drop-ins in force.
func (c *cluster) extend(name string) {
	text, err := os.ReadFile(filepath.Join(shared, name))
	must(c.t, err)
	must(c.t, errors.Join(os.MkdirAll(dropIn, 0o755), os.WriteFile(filepath.Join(dropIn, name), text, 0o644)))
	run(c.t, "systemctl", "daemon-reload")
}

// end ends the cluster, and removes what the package did not bring.
func (c *cluster) end() { c.once.Do(c.close) }

func (c *cluster) close() {
	if c.t.Failed() {
		out, _ := attempt("journalctl", "--no-pager", "-n", "60", "-u", "perch.service")
		c.t.Logf("log of the unit:\n%s", out)
		for _, n := range c.peers {
			c.t.Logf("log of %s:\n%s", n.Name, n.LogTail(15))
		}
	}
	_ = unix.Unmount("/run/netns/edge", unix.MNT_DETACH)
	for _, path := range []string{"/run/netns", dropIn} {
		_ = os.RemoveAll(path)
	}
	if err := c.lab.Close(); err != nil {
		c.t.Error(err)
	}
}

// status asks the unit.
func (c *cluster) status() (api.Status, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	return api.NewClient(socket).Status(ctx)
}

// owner returns who owns the VIP and has it in its kernel, as all nodes see it that run.
func (c *cluster) owner() string {
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	status, err := api.NewClient(c.peers[0].Socket()).Status(ctx)
	if err != nil || len(status.VIPs) != 1 {
		return ""
	}
	owner := status.VIPs[0].Owner
	for _, h := range c.lab.Hosts() {
		if has, err := h.Has(vip.Addr()); err != nil || has != (h.Name == owner) {
			return ""
		}
	}
	return owner
}

// giveToUnit has the unit own the VIP.
func (c *cluster) giveToUnit() {
	c.t.Helper()
	eventually(c.t, "the unit owns the VIP", func() bool {
		if c.owner() == "lb1" {
			return true
		}
		_, _ = attempt("perch", "transfer", "lb1")
		return false
	})
}

// moves returns the history that the others remember since a time.
func (c *cluster) moves(since time.Time) (found []api.Move) {
	moves, err := c.peers[0].History(c.t.Context())
	for _, move := range moves {
		if err == nil && move.Time.After(since) {
			found = append(found, move)
		}
	}
	return found
}

// movesAway waits until the VIP has left the unit, and returns how.
func (c *cluster) movesAway(since time.Time) (away api.Move) {
	c.t.Helper()
	eventually(c.t, "the VIP has left the unit", func() bool {
		for _, away = range c.moves(since) {
			if away.From == "lb1" && away.To != "lb1" {
				return true
			}
		}
		return false
	})
	return away
}

// neverTwo tells of moments in which two kernels have the VIP, until the function that it
// returns is called.
func (c *cluster) neverTwo() (end func()) {
	watch := c.lab.Watch(vip.Addr())
	return func() {
		c.t.Helper()
		must(c.t, watch.Close())
		if overlaps := watch.Overlaps(time.Time{}); len(overlaps) > 0 {
			c.t.Errorf("%d times two nodes had the VIP, first %s and %s", len(overlaps), overlaps[0].First.Name, overlaps[0].Second.Name)
		}
	}
}
