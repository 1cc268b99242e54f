package e2e

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

func fence(kind string) option {
	return func(s *lab.ClusterSpec) { s.Fence = kind }
}

// stubborn is a host that pings every VIP at one node, whatever it hears from others.
type stubborn struct {
	c   *cluster
	all map[netip.Addr]*lab.Pinger
}

func (c *cluster) stubborn(at *lab.Node) *stubborn {
	c.t.Helper()
	s := &stubborn{c: c, all: map[netip.Addr]*lab.Pinger{}}
	host := c.net.addHost(c.t, "stubborn")
	c.reachesRanges(host)
	for _, addr := range c.addresses() {
		c.must(host.Pin(addr, at.Host))
		pinger, err := host.Ping(addr)
		c.must(err)
		s.all[addr] = pinger
	}
	ctx, cancel := c.limit()
	defer cancel()
	for _, pinger := range s.all {
		c.must(pinger.WaitAnswers(ctx, time.Now(), 10))
	}
	return s
}

// answers is how many pings were answered after a moment.
func (s *stubborn) answers(after time.Time) (n int) {
	for _, pinger := range s.all {
		n += pinger.Answered(after)
	}
	return n
}

// served waits until the client takes another node than old for the owner of every VIP.
func (c *cluster) served(old *lab.Node) time.Time {
	c.t.Helper()
	c.eventually("another node than "+old.Name+" serves the client", func() bool {
		for _, addr := range c.addresses() {
			host, err := c.net.client.Neighbor(addr)
			c.must(err)
			if host == nil || host == old.Host {
				return false
			}
		}
		return true
	})
	return time.Now()
}

// An owner that cannot let go is dark while its successor serves, although its kernel
// still has the addresses: to those who ask, and to those who believe it is the owner.
func TestOwnerThatCannotLetGoIsDark(t *testing.T) {
	type step = func(*lab.Node) error
	tests := map[string]struct{ strike, heal step }{
		"frozen": {
			func(n *lab.Node) error { return n.Process().Signal(syscall.SIGSTOP) },
			func(n *lab.Node) error { return n.Process().Signal(syscall.SIGCONT) },
		},
		"killed":   {(*lab.Node).Kill, (*lab.Node).Start},
		"panicked": {panics, (*lab.Node).Start},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, failover("fast"))
			c.neverTwoAnswers()
			c.ping()
			old := c.owner()
			s := c.stubborn(old)
			c.must(tt.strike(old))
			moved := c.served(old)
			if !c.holdsAll(old) {
				t.Error("the addresses have gone already, which proves nothing for the fence")
			}
			time.Sleep(time.Second)
			if n := s.answers(moved); n > 0 {
				t.Errorf("%d pings sent to the MAC of %s were answered after the move", n, old.Name)
			}
			c.must(tt.heal(old)) // and neverTwoAnswers goes on
			c.settled()
			time.Sleep(500 * time.Millisecond)
			c.soleAnswer(c.settled())
		})
	}
}

// panics ends a daemon as a panic does: the runtime writes down its goroutines, and
// nothing of perch runs any more.
func panics(n *lab.Node) error {
	if err := n.Process().Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	<-n.Process().Done()
	return nil
}

// Where only the lifetime of its addresses ends what a frozen owner answers, its successor
// waits for that.
func TestSuccessorWaitsForTheLifetime(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("fast"), fence("lifetime"))
	c.neverTwoAnswers()
	c.ping()
	old := c.owner()
	s := c.stubborn(old)
	frozen := time.Now()
	c.must(old.Process().Signal(syscall.SIGSTOP))
	moved := c.served(old)
	if s.answers(frozen.Add(time.Second)) == 0 {
		t.Error("a second later nobody was answered: the frozen owner was dark, or its successor did not wait")
	}
	time.Sleep(500 * time.Millisecond)
	if n := s.answers(moved); n > 0 {
		t.Errorf("%d pings sent to the MAC of %s were answered after the move", n, old.Name)
	}
	c.must(old.Process().Signal(syscall.SIGCONT))
	c.settled()
}

// The control of this and of the chaos run: without a fence the frozen owner does
// answer beside its successor, which the observer and the stubborn host must see.
func TestUnfencedOwnersAreSeen(t *testing.T) {
	t.Parallel()
	c := startCluster(t, failover("fast"), fence("off"))
	seen := c.observe()
	c.ping()
	old := c.owner()
	s := c.stubborn(old)
	c.must(old.Process().Signal(syscall.SIGSTOP))
	moved := c.served(old)
	time.Sleep(200 * time.Millisecond)
	v := seen.verdict()
	found := map[netip.Addr]int{}
	for _, x := range v.violations {
		found[x.Addr] += x.Asks
	}
	for _, addr := range c.addresses() {
		if found[addr] == 0 {
			t.Errorf("nobody was seen to answer for %s beside the successor of an unfenced frozen owner", addr)
		}
	}
	if v.twice() < 100*time.Millisecond {
		t.Errorf("two answered for %s, want 200 ms or so", v.twice())
	}
	if s.answers(moved) == 0 {
		t.Error("an unfenced frozen owner does not answer pings")
	}
	c.must(old.Process().Signal(syscall.SIGCONT))
}
