package e2e

import (
	"net/netip"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// pings are pings of every VIP of a cluster.
type pings struct {
	c     *cluster
	all   map[netip.Addr]*lab.Pinger
	since time.Time
}

// ping starts pinging every VIP from the client and waits until all answer.
func (c *cluster) ping() *pings {
	c.t.Helper()
	p := &pings{c: c, all: map[netip.Addr]*lab.Pinger{}}
	for _, addr := range c.addresses() {
		pinger, err := c.net.client.Ping(addr)
		c.must(err)
		p.all[addr] = pinger
	}
	p.answered()
	p.since = time.Now()
	c.pinged = true
	return p
}

// answered waits until every VIP answers, from now on.
func (p *pings) answered() {
	p.c.t.Helper()
	ctx, cancel := p.c.limit()
	defer cancel()
	now := time.Now()
	for _, pinger := range p.all {
		p.c.must(pinger.WaitAnswers(ctx, now, 50))
	}
}

// brief is a silence that no move may exceed, on however slow a machine: a VIP
// that waits for a repair is silent for longer. How long a move really takes is
// for the benchmarks to say.
const brief = 3 * time.Second

// outageAtMost checks how long the VIPs were silent, each by itself, since ping
// or the last check.
func (p *pings) outageAtMost(most time.Duration) {
	p.c.t.Helper()
	p.answered()
	for addr, pinger := range p.all {
		out := pinger.Since(p.since)
		p.c.t.Logf("%s: longest silence %s, %d of %d pings lost", addr, out.Gap, out.Lost, out.Sent)
		if out.Gap > most {
			p.c.t.Errorf("%s was silent for %s, want at most %s", addr, out.Gap, most)
		}
	}
	p.since = time.Now()
}
