package demo

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// newTestStage returns a stage with a script in place of perch: the tests give
// the VIPs to its nodes by hand.
func newTestStage(t *testing.T, perch string) *stage {
	t.Helper()
	lab.NeedRoot(t)
	s, err := newStage(t.TempDir(), Options{Binary: script(t, perch)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// give adds VIPs to a node as perch would, but without announcing them.
func give(t *testing.T, n *lab.Node, vips ...netip.Addr) {
	t.Helper()
	err := n.Host.Do(func() error {
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		for _, vip := range vips {
			addr, err := netlink.ParseAddr(netip.PrefixFrom(vip, vip.BitLen()).String())
			if err != nil {
				return err
			}
			addr.Flags = unix.IFA_F_NODAD
			if err := netlink.AddrAdd(eth0, addr); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, n *lab.Node, vips ...netip.Addr) {
	t.Helper()
	for _, vip := range vips {
		if err := n.Host.RemoveAddress(vip); err != nil {
			t.Fatal(err)
		}
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	err := within(t.Context(), byLooking, what, func() (bool, error) { return done(), nil })
	if err != nil {
		t.Fatal(err)
	}
}

func TestClientReachesAnOwner(t *testing.T) {
	s := newTestStage(t, "exit 3")
	owner := s.cluster.Nodes[1]
	if s.calm() {
		t.Error("VIPs that no node has are calm")
	}
	checkReached(t, s, nil)
	give(t, owner, s.vips...)
	eventually(t, "the client is calm", s.calm)
	checkReached(t, s, owner)
	take(t, owner, s.vips[0])
	eventually(t, "one silent VIP is no calm", func() bool { return !s.calm() })
}

func TestTwoOwnersAreNone(t *testing.T) {
	s := newTestStage(t, "exit 3")
	give(t, s.cluster.Nodes[0], s.vips[0])
	give(t, s.cluster.Nodes[1], s.vips[1])
	eventually(t, "the client is calm", s.calm)
	checkReached(t, s, nil)
}

func checkReached(t *testing.T, s *stage, want *lab.Node) {
	t.Helper()
	got, err := s.reached()
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("the client reaches all VIPs on %v, want %v", got, want)
	}
}

func TestKernelsAreNoted(t *testing.T) {
	s := newTestStage(t, "exit 3")
	old, next := s.cluster.Nodes[0], s.cluster.Nodes[1]
	var got outcome
	note := func(released, taken bool) {
		t.Helper()
		if err := s.noteKernels(old, time.Now().Add(-time.Second), &got); err != nil {
			t.Fatal(err)
		}
		if (got.released > 0) != released || (got.taken > 0) != taken {
			t.Errorf("released after %s, taken after %s, want them noted: %v, %v", got.released, got.taken, released, taken)
		}
	}
	give(t, old, s.vips...)
	note(false, false)
	give(t, next, s.vips[1])
	note(false, true)
	checkAnswering(t, s, "lb1", "lb2")
	take(t, old, s.vips[0])
	note(false, true)
	take(t, old, s.vips[1])
	note(true, true)
	checkAnswering(t, s, "lb2")
	before := got
	note(true, true)
	if before.released != got.released || before.taken != got.taken {
		t.Error("what was noted once is noted again")
	}
}

func checkAnswering(t *testing.T, s *stage, want ...string) {
	t.Helper()
	nodes, err := s.answering()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, names(nodes)); diff != "" {
		t.Errorf("nodes that answer (-want +got):\n%s", diff)
	}
}

func TestOneOwnerIsCounted(t *testing.T) {
	s := newTestStage(t, "exit 3")
	give(t, s.cluster.Nodes[2], s.vips...)
	var got outcome
	if err := s.countOwners(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"lb3"}, got.answering); diff != "" || got.several != 0 {
		t.Errorf("several answered for %s; (-want +got):\n%s", got.several, diff)
	}
}

func TestSeveralOwnersAreTimed(t *testing.T) {
	s := newTestStage(t, "exit 3")
	give(t, s.cluster.Nodes[0], s.vips...)
	give(t, s.cluster.Nodes[2], s.vips[0])
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it looks once
	var got outcome
	if err := s.countOwners(ctx, &got); !errors.Is(err, context.Canceled) {
		t.Errorf("countOwners = %v, want it to go on until %v", err, context.Canceled)
	}
	if diff := cmp.Diff([]string{"lb1", "lb3"}, got.answering); diff != "" || got.several == 0 {
		t.Errorf("several answered for %s; (-want +got):\n%s", got.several, diff)
	}
}

func TestIntermissionTellsOfMoves(t *testing.T) {
	s := newTestStage(t, `case $1 in
		history) echo '[{"reason": "the moon was full"}]' ;;
		*) exec sleep 60 ;;
	esac`)
	if err := s.cluster.StartAll(); err != nil {
		t.Fatal(err)
	}
	owner, other := s.cluster.Nodes[0], s.cluster.Nodes[1]
	give(t, owner, s.vips...)
	eventually(t, "the client is calm", s.calm)
	var out bytes.Buffer
	begin := time.Now()
	sh := &show{stage: s, out: newPrinter(Options{Out: &out}), owner: owner, lastAct: begin}
	if err := sh.intermission(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sh.quiet < lab.PingInterval/2 || sh.quiet >= time.Since(begin) {
		t.Errorf("noise of %s between two answers", sh.quiet)
	}
	if out.Len() > 0 || len(sh.outcomes) > 0 {
		t.Errorf("told, although nothing happened:\n%s", &out)
	}

	quiet := sh.quiet
	sh.owner = other // so that the VIPs seem to have moved
	if err := sh.intermission(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "lb2 -> lb1 (perch history: the moon was full)") {
		t.Errorf("told:\n%s", &out)
	}
	if len(sh.outcomes) != 1 || sh.outcomes[0].name != "by itself" || sh.owner != owner || sh.quiet != quiet {
		t.Errorf("noted: %+v, owner %s, noise %s", sh.outcomes, sh.owner.Name, sh.quiet)
	}
}
