package e2e

import (
	"errors"
	"os/exec"
	"regexp"
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

// saysMended waits until viewer says, to people and to programs, that the fence of n
// was mended once, at eth0.
func (c *cluster) saysMended(viewer, n *lab.Node, found string) {
	c.t.Helper()
	c.eventuallySays(viewer.Name+" says that the fence of "+n.Name+" was mended", func() bool {
		m := c.seenBy(viewer, n).Mended
		return m != nil && m.Count == 1 && m.Interface == "eth0" && m.Found == found && time.Since(m.Last) < patience
	})
	text := c.perch(viewer, "status")
	if want := `(?m)^fence of ` + n.Name + ` mended 1 time, last \d+s ago: ` + found + ` on eth0$`; !regexp.MustCompile(want).MatchString(text) {
		c.t.Errorf("status of %s has no line %s:\n%s", viewer.Name, want, text)
	}
	if lines := strings.Count(n.LogTail(10000), "the fence was mended"); lines != 1 {
		c.t.Errorf("the log of %s says %d times that the fence was mended", n.Name, lines)
	}
}

// Whatever others do to the owner's tc, its fence still works: it is dark once it is
// frozen, and nobody answers beside its successor.
func TestOthersUseTCOnTheOwner(t *testing.T) {
	tests := map[string]struct {
		meddle func(*cluster, *lab.Node)
		found  string
	}{
		"a filter in front": {
			(*cluster).bypass, // of the same priority the latest is the first
			`filter bpf "bypass" of priority 1 in front of it`,
		},
		"the qdisc deleted": {
			func(c *cluster, n *lab.Node) { c.tc(n, "qdisc", "del", "dev", "eth0", "clsact") },
			"its qdisc deleted",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, failover("fast"))
			c.neverTwoAnswers()
			p := c.ping()
			old := c.owner()
			s := c.stubborn(old)
			tt.meddle(c, old)
			for _, viewer := range c.Nodes {
				c.saysMended(viewer, old, tt.found)
			}
			p.answered()
			c.soleAnswer(c.owner())
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
