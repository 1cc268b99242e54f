package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// clocked is a cluster with a chronyd beside each node.
type clocked struct {
	*cluster
	chronyds map[*lab.Node]*lab.Chronyd
}

// startClocked starts a cluster whose followers take the time from the leader.
func startClocked(t *testing.T, opts ...option) *clocked {
	t.Helper()
	lab.NeedChrony(t)
	c := &clocked{newCluster(t, newNetwork(t), opts...), map[*lab.Node]*lab.Chronyd{}}
	dir := c.net.tempDir(t)
	c.must(os.Chmod(dir, 0o755)) // chronyd has a user of its own
	for _, n := range c.Nodes {
		chronyd, err := lab.NewChronyd(n.Host, filepath.Join(dir, n.Name))
		c.must(err)
		c.chronyds[n] = chronyd
		c.must(chronyd.Start())
		c.eventually("chronyd answers", func() bool {
			_, err := os.Stat(chronyd.Socket())
			return err == nil
		})
		c.follow(n, "")
	}
	t.Cleanup(func() {
		for _, chronyd := range c.chronyds {
			if t.Failed() {
				t.Logf("log of %s:\n%s", chronyd.Name, chronyd.LogTail(20))
			}
		}
	})
	c.must(c.StartAll())
	c.settled()
	return c
}

// follow writes a config with a [clock], where more replaces keys of it.
func (c *clocked) follow(n *lab.Node, more string) {
	c.t.Helper()
	c.must(n.WriteConfig(c.Spec.VIPs...))
	chronyd := c.chronyds[n]
	table := "\n[clock]\n"
	for _, key := range []struct{ name, value string }{
		{"sources_dir", chronyd.SourcesDir()}, {"socket", chronyd.Socket()}, {"interval", "1s"}, {"max_offset", "1s"},
	} {
		if !strings.Contains(more, key.name+" = ") {
			table += fmt.Sprintf("%s = %q\n", key.name, key.value)
		}
	}
	addTables(c.t, n, table+more)
}

func (c *clocked) file(n *lab.Node) string {
	return filepath.Join(c.chronyds[n].SourcesDir(), "perch-edge.sources")
}

// asks tells whether a node's chronyd has just these sources.
func (c *clocked) asks(n *lab.Node, want ...netip.Addr) bool {
	ctx, cancel := c.limit()
	defer cancel()
	sources, err := c.chronyds[n].Sources(ctx)
	c.must(err)
	return slices.Equal(sources, want)
}

// allFollow waits until the chronyd of each other node asks that of the owner, whose own asks
// nobody, and perch has seen that it answers.
func (c *clocked) allFollow(owner *lab.Node) {
	c.t.Helper()
	c.eventuallySays(owner.Name+" takes the time from nobody", func() bool { return c.asks(owner) })
	if clock := c.status(owner).Clock; clock == nil || clock.Follows != "" || clock.Measured != nil {
		c.t.Errorf("%s, which leads, says of its clock: %+v", owner.Name, clock)
	}
	for _, n := range c.others(owner) {
		c.eventuallySays(n.Name+" takes the time from "+owner.Name, func() bool { return c.asks(n, owner.Address().Addr()) })
		c.eventuallySays(n.Name+" knows the time of "+owner.Name, func() bool {
			s := c.status(n)
			m := s.Clock.Measured
			return s.Clock.Follows == owner.Name && s.Clock.Error == "" && m != nil && m.Error == "" && m.Offset.Abs() < time.Second &&
				!c.warned(n)
		})
	}
}

// warned tells whether a node warns of its clock.
func (c *clocked) warned(n *lab.Node) bool {
	return slices.ContainsFunc(c.status(n).Warnings, func(w string) bool { return strings.HasPrefix(w, "clock: ") })
}

// The followers, the witness too, take time from the leader, and from the next one when it
// leads. What somebody takes away is put back.
func TestClockFollowsTheLeader(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]option{"IPv4": nil, "IPv6": {overIPv6}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startClocked(t, append(opts, func(s *lab.ClusterSpec) { s.Witness = "lb3" })...)
			owner := c.settled()
			c.allFollow(owner)
			next := c.others(owner)[0]
			c.perch(owner, "transfer", next.Name)
			c.movedFrom(owner)
			c.allFollow(next)

			c.must(os.Remove(c.file(owner)))
			c.eventually("the file is put back", func() bool {
				_, err := os.Stat(c.file(owner))
				return err == nil
			})
			c.allFollow(next)
		})
	}
}

// A reload begins and ends it. A node that is stopped goes on to have the time.
func TestClockReloadAndStop(t *testing.T) {
	t.Parallel()
	c := startClocked(t)
	owner := c.settled()
	c.allFollow(owner)
	one, other := c.others(owner)[0], c.others(owner)[1]
	c.must(one.WriteConfig(c.Spec.VIPs...))
	c.perch(one, "reload")
	c.eventuallySays("nobody is followed after a reload without [clock]", func() bool { return c.asks(one) })
	if _, err := os.Stat(c.file(one)); !errors.Is(err, fs.ErrNotExist) || c.status(one).Clock != nil {
		t.Errorf("the file is still there (%v), or the status shows a clock", err)
	}
	c.follow(one, "")
	c.perch(one, "reload")
	c.terminate(other)
	c.eventuallySays("the leader is followed after a reload", func() bool { return c.asks(one, owner.Address().Addr()) })
	if !c.asks(other, owner.Address().Addr()) {
		t.Errorf("%s, which was stopped, has no time any more", other.Name)
	}
}

// What is wrong with the clock is warned of, and does nothing else: the VIPs stay, and move as
// ever.
func TestClockTroubleIsAWarning(t *testing.T) {
	t.Parallel()
	c := startClocked(t)
	c.neverTwoOwners()
	owner := c.settled()
	c.allFollow(owner)
	hangs := filepath.Join(tempDir(t), "chronyc")
	c.must(os.WriteFile(hangs, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o755))
	term := c.status(owner).Cluster.Term
	for _, tt := range []struct{ config, want string }{
		{`chronyc = "/nowhere/chronyc"`, "/nowhere/chronyc reload sources fails"},
		{`socket = "/nowhere/chronyd.sock"`, "reload sources fails"},
		{`sources_dir = "/nowhere"`, "/nowhere/perch-edge.sources is not as it should be"},
		{`sources_dir = "/proc"`, "/proc/perch-edge.sources is not as it should be"},
		{fmt.Sprintf("chronyc = %q", hangs), hangs + " reload sources fails"},
	} {
		for _, n := range c.Nodes {
			c.follow(n, tt.config+"\n")
			c.perch(n, "reload")
		}
		for _, n := range c.others(owner) {
			c.eventuallySays(n.Name+" warns with "+tt.config, func() bool { return strings.Contains(c.perch(n, "status"), tt.want) })
		}
	}
	c.stillOwnedBy(owner)
	if now := c.status(owner).Cluster.Term; now != term {
		t.Errorf("term %d, was %d before", now, term)
	}
	p := c.ping()
	next := c.others(owner)[0]
	c.perch(owner, "transfer", next.Name)
	c.movedFrom(owner)
	c.terminate(next) // while its chronyc hangs
	c.movedFrom(next)
	p.outageAtMost(brief)
}

// A leader that serves no time is warned of by the others.
func TestClockLeaderServesNoTime(t *testing.T) {
	t.Parallel()
	c := startClocked(t)
	owner := c.settled()
	c.allFollow(owner)
	c.must(c.chronyds[owner].Kill())
	for _, n := range c.others(owner) {
		want := "clock: " + owner.Name + " leads and does not serve time"
		c.eventuallySays(n.Name+" warns of the leader's clock", func() bool { return strings.Contains(c.perch(n, "status"), want) })
	}
	c.stillOwnedBy(owner)
}
