package e2e

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// tc runs tc(8) on a node's host and returns what it printed.
func (c *cluster) tc(n *lab.Node, args ...string) string {
	c.t.Helper()
	var out []byte
	c.must(n.Host.Do(func() (err error) {
		out, err = exec.Command("tc", args...).CombinedOutput()
		return err
	}))
	return string(out)
}

// bypass puts a filter in front of the fence's that lets every frame pass for good.
func (c *cluster) bypass(n *lab.Node) {
	c.t.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name:         "bypass",
		Type:         ebpf.SchedCLS,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	c.must(err)
	defer program.Close()
	c.must(n.Host.Do(func() error {
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		var errs []error
		for _, parent := range []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS} {
			errs = append(errs, netlink.FilterAdd(&netlink.BpfFilter{
				FilterAttrs: netlink.FilterAttrs{
					LinkIndex: eth0.Attrs().Index, Parent: parent, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL,
				},
				Fd: program.FD(), Name: "bypass", DirectAction: true,
			}))
		}
		return errors.Join(errs...)
	}))
}

// Whatever others do to the owner's tc, its fence still works: it is dark once it is
// frozen, and nobody answers beside its successor.
func TestOthersUseTCOnTheOwner(t *testing.T) {
	both := []string{"ingress", "egress"}
	tests := map[string]struct {
		meddle func(*cluster, *lab.Node)
		mended func(*cluster, *lab.Node) bool
	}{
		"a filter in front": {
			(*cluster).bypass, // of the same priority the latest is the first
			func(c *cluster, n *lab.Node) bool {
				return strings.Count(n.LogTail(1000), "the fence got before others by tcx") == len(both)
			},
		},
		"the qdisc deleted": {
			func(c *cluster, n *lab.Node) { c.tc(n, "qdisc", "del", "dev", "eth0", "clsact") },
			func(c *cluster, n *lab.Node) bool {
				for _, d := range both {
					if !strings.Contains(c.tc(n, "filter", "show", "dev", "eth0", d), "perch") {
						return false
					}
				}
				return true
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, failover("fast"))
			c.neverTwoAnswers()
			c.ping()
			old := c.owner()
			s := c.stubborn(old)
			tt.meddle(c, old)
			c.eventuallySays("the fence is mended", func() bool { return tt.mended(c, old) })
			if now := c.settled(); now != old { // on a busy machine they may move by themselves
				c.perch(now, "transfer", old.Name)
				c.movedFrom(now)
			}
			c.must(old.Process().Signal(syscall.SIGSTOP))
			moved := c.served(old)
			time.Sleep(time.Second)
			if n := s.answers(moved); n > 0 {
				t.Errorf("%d pings sent to the MAC of %s were answered after the move", n, old.Name)
			}
			c.must(old.Process().Signal(syscall.SIGCONT))
			c.soleAnswer(c.settled())
		})
	}
}
