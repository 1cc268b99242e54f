package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A pair of keepalived becomes a pair of perch and goes back, one node after the other.
// A client notices clean hand-overs at most.
func TestVRRPUpgrade(t *testing.T) {
	t.Parallel()
	for name, forms := range map[string][]form{
		"version 3": {every(time.Second)},
		"version 2": {version2},
		"password":  {version2, auth("pass", "sesame")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upgrade(t, forms...)
		})
	}
}

func upgrade(t *testing.T, forms ...form) {
	t.Helper()
	const clean = 2 * time.Second // without a farewell it is more than 3 s
	s := newSegment(t, running(keepalived, newVirtual(200, forms...)), running(keepalived, newVirtual(180, forms...)))
	h, l := s.members[0], s.members[1]
	s.start(h, l)
	s.masterIs(h)
	p, err := s.net.client.Ping(h.addresses()[0])
	must(t, err)
	s.answers(p)
	since := time.Now()
	for _, next := range []implementation{perch, keepalived} {
		s.stop(l)
		s.install(l, next)
		s.start(l)
		s.stop(h)
		s.masterIs(l)
		s.install(h, next)
		s.start(h)
		s.masterIs(h)
		s.answers(p)
	}
	out := p.Since(since)
	t.Logf("longest silence %s, %d of %d pings lost", out.Gap, out.Lost, out.Sent)
	if out.Gap > clean {
		t.Errorf("the address was silent for %s, want at most %s", out.Gap, clean)
	}
}

// answers waits until the address that is pinged answers, from now on.
func (s *segment) answers(p *lab.Pinger) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	must(s.t, p.WaitAnswers(ctx, time.Now(), 50))
}
