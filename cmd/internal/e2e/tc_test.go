package e2e

import (
	"errors"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	tcx "github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// bypass has each direction of eth0 get a program that lets every frame pass for good.
func (c *cluster) bypass(n *lab.Node, attach func(eth0 int, d direction, program *ebpf.Program) error) {
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
		index := eth0.Attrs().Index
		return errors.Join(
			attach(index, direction{ebpf.AttachTCXIngress, netlink.HANDLE_MIN_INGRESS}, program),
			attach(index, direction{ebpf.AttachTCXEgress, netlink.HANDLE_MIN_EGRESS}, program),
		)
	}))
}

// direction is where a program is attached by tcx, or as a filter.
type direction struct {
	tcx    ebpf.AttachType
	parent uint32
}

func inFront(eth0 int, d direction, program *ebpf.Program) error {
	return tcx.RawAttachProgram(tcx.RawAttachProgramOptions{Target: eth0, Program: program, Attach: d.tcx, Anchor: tcx.Head()})
}

func filter(eth0 int, d direction, program *ebpf.Program) error {
	err := netlink.QdiscReplace(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: eth0, Handle: 0xffff0000, Parent: netlink.HANDLE_CLSACT,
	}})
	return errors.Join(err, netlink.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: eth0, Parent: d.parent, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL},
		Fd:          program.FD(), Name: "bypass", DirectAction: true,
	}))
}

// saysMended waits until viewer says, to people and to programs, that the fence of n
// was mended once, at eth0.
func (c *cluster) saysMended(viewer, n *lab.Node, found string) {
	c.t.Helper()
	c.eventuallySays(viewer.Name+" says that the fence of "+n.Name+" was mended", func() bool {
		m := c.seenBy(viewer, n).Mended
		return m != nil && m.Count == 1 && m.Interface == "eth0" && regexp.MustCompile("^"+found+"$").MatchString(m.Found) && time.Since(m.Last) < patience
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
		meddle func(eth0 int, d direction, program *ebpf.Program) error
		found  string
	}{
		"a program in front": {inFront, `tcx program \d+ bypass in front of it`},
		"a filter":           {filter, ""}, // comes after the fence
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, failover("fast"))
			c.neverTwoAnswers()
			p := c.ping()
			old := c.owner()
			s := c.stubborn(old)
			c.bypass(old, tt.meddle)
			for _, viewer := range c.Nodes {
				if tt.found != "" {
					c.saysMended(viewer, old, tt.found)
				}
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
