package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// perch and a real keepalived stand in for each other, in both directions.
func TestRouterExampleOfMixedPair(t *testing.T) {
	t.Parallel()
	lab.NeedPeers(t)
	const address = "198.18.0.200"
	s := newSite(t, "lb1")
	lb1, host := s.nodes[0], s.net.addHost(t, "lb2")
	lb1.useExample("keepalived")
	lb2 := newExampleKeepalived(t, lb1, host)
	has := func(want bool) func() bool {
		return func() bool { return (&station{Daemon: lb2, t: t}).has(address) == want }
	}

	s.start(lb1)
	s.hasJust(lb1, address, "")
	must(t, lb2.Start())
	s.eventually("keepalived is the backup", func() bool { return strings.Contains(lb2.LogTail(100), "Entering BACKUP STATE") })
	s.answeredBy(address, lb1)

	s.stop(lb1)
	s.eventually("keepalived has the address", has(true))
	s.answeredFrom(address, lab.MAC(host.Eth0.MAC))
	s.start(lb1)
	s.stateIs(lb1, "gw", "backup", "")
	s.never("perch takes the address back", 3*time.Second, func() bool { return lb1.has(address) })

	must(t, host.Eth0.Cut())
	s.hasJust(lb1, address, "")
	s.answeredBy(address, lb1)
	must(t, host.Eth0.Splice())
	s.eventually("keepalived gives way to the higher priority", has(false))
	s.answeredBy(address, lb1)

	must(t, lb1.Kill())
	s.eventually("keepalived has the address of a perch that was killed", has(true))
	s.answeredFrom(address, lab.MAC(host.Eth0.MAC))
}

// newExampleKeepalived returns the keepalived of the example, whose config both it and perch
// take as it stands.
func newExampleKeepalived(t *testing.T, n *station, host *lab.Host) *lab.Daemon {
	t.Helper()
	dir := filepath.Join(filepath.Dir(n.Dir), "keepalived")
	d, err := lab.NewKeepalived(host, dir, example(t, "keepalived/keepalived.conf"))
	must(t, err)
	conf := filepath.Join(dir, "keepalived.conf")
	if _, err := os.Stat(conf); err != nil {
		t.Fatal(err) // keepalived -t says nothing of it
	}
	if out, err := exec.Command("keepalived", "-t", "-f", conf).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("keepalived -t: %v\n%s", err, out)
	}
	if _, said, code := n.run("import", "keepalived", conf, "--strict", "--id", "lb2"); code != 0 || said != "" {
		t.Errorf("perch import exits with %d: %s", code, said)
	}
	return d
}
