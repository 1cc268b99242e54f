package vrrpnet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// keepalived runs keepalived on a node with instances 1 to count at 100 ms until the
// test ends, and returns its process.
func (n *node) keepalived(count, priority int) int {
	n.t.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil {
		if os.Getenv("CI") != "" {
			n.t.Fatal("needs keepalived(8), and CI must not skip")
		}
		n.t.Skip("needs keepalived(8)")
	}
	dir := n.t.TempDir()
	var conf strings.Builder
	conf.WriteString("global_defs {\n vrrp_version 3\n}\n")
	for i := range count {
		fmt.Fprintf(&conf, `vrrp_instance v%[1]d {
 interface eth0
 virtual_router_id %[1]d
 priority %[2]d
 advert_int 0.1
 virtual_ipaddress {
  198.18.1.%[1]d/32
 }
}
`, i+1, priority)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	must(n.t, os.WriteFile(path("conf"), []byte(conf.String()), 0o600))
	cmd := exec.Command("keepalived", "-n", "-l", "-G", "-P", "-f", path("conf"), "-p", path("p"), "-r", path("r"), "-c", path("c"))
	n.here()
	must(n.t, cmd.Start())
	n.t.Cleanup(func() { cmd.Process.Signal(unix.SIGTERM); cmd.Wait() })
	return cmd.Process.Pid
}

// holds tells whether keepalived holds the address of an instance.
func (n *node) holds(vrid uint8) bool {
	n.t.Helper()
	vip := instance(vrid, 0).Held[0]
	for _, i := range n.interfaces() {
		for _, p := range i.Addresses {
			if p.Addr() == vip {
				return true
			}
		}
	}
	return false
}

func TestElectionsWithKeepalived(t *testing.T) {
	a, b := newPair(t)
	b.keepalived(1, 100)
	within(t, "keepalived is the master", func() bool { return b.holds(1) })
	a.run()
	a.configure(instance(1, 50))
	within(t, "it is heard", func() bool { return a.status("v1").Master == b.own[0] })
	a.is("v1", vrrp.Backup)
	a.configure(instance(1, 150))
	a.is("v1", vrrp.Master)
	within(t, "keepalived gives up", func() bool { return !b.holds(1) })
	a.configure(instance(1, 50))
	within(t, "keepalived takes over", func() bool { return b.holds(1) })
	a.is("v1", vrrp.Backup)
}
