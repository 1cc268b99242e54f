package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// served is a cluster each of whose nodes has a web server behind the VIP and a check of
// it, named web, and a client that asks it by the VIP.
type served struct {
	*cluster
	services map[*lab.Node]*lab.Service
	client   *lab.Requester
}

// server makes a web server, which is not started.
type server func(h *lab.Host, dir string, m lab.Manner) (*lab.Service, error)

var servers = map[string]server{"HAProxy": lab.NewHAProxy, "nginx": lab.NewNginx}

// checked returns the lines of a node's check of its web server.
type checked func(n *lab.Node, s *lab.Service) []string

// byHTTP checks a web server at the node's own address.
func byHTTP(n *lab.Node, _ *lab.Service) []string {
	return []string{
		`kind = "http"`, fmt.Sprintf("target = \"http://%s/\"", n.Host.Eth0.IPv4.Addr()),
		fmt.Sprintf("contains = %q", n.Name),
	}
}

// check is a [[check]] that looks often, but lets a busy machine answer late.
func check(name string, lines ...string) string {
	text := fmt.Sprintf("\n[[check]]\nname = %q\n", name)
	for _, usual := range []string{`interval = "500ms"`, `fast_interval = "50ms"`, `timeout = "500ms"`, `rise = 2`, `fall = 3`} {
		key, _, _ := strings.Cut(usual, " =")
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, key+" =") }) {
			text += usual + "\n"
		}
	}
	return text + strings.Join(lines, "\n") + "\n"
}

// serve starts a cluster with web servers and their checks, on all of which its nodes
// depend, and waits until all are well.
func serve(t *testing.T, make server, how checked, opts ...option) *served {
	t.Helper()
	s := prepareServed(t, make, how, opts...)
	s.begin()
	return s
}

// prepareServed starts the web servers, and not the cluster.
func prepareServed(t *testing.T, make server, how checked, opts ...option) *served {
	t.Helper()
	lab.NeedServices(t)
	opts = append([]option{vips("eth0", besideVIP+"/24")}, opts...)
	s := &served{cluster: newCluster(t, newNetwork(t), opts...), services: map[*lab.Node]*lab.Service{}}
	for _, n := range s.Nodes {
		service, err := make(n.Host, filepath.Join(n.Dir, "web"), lab.Manner{})
		s.must(err)
		s.services[n] = service
		s.must(service.Start())
		addTables(t, n, check("web", how(n, service)...))
	}
	s.set(`track = ["web"]`)
	t.Cleanup(s.explainServices)
	return s
}

func (s *served) target() netip.AddrPort {
	return netip.AddrPortFrom(s.addresses()[0], lab.HTTPPort)
}

// begin starts the cluster and the client, and waits until all is well.
func (s *served) begin() {
	s.t.Helper()
	s.must(s.StartAll())
	s.settled()
	for _, n := range s.Nodes {
		s.healthIs(n, api.HealthHealthy)
	}
	s.ask()
	s.servedBy(s.owner())
}

// ask starts the client.
func (s *served) ask() {
	s.t.Helper()
	var err error
	s.client, err = s.net.client.Request(s.target(), nil)
	s.must(err)
	s.neverTwoAnswers()
}

func (s *served) explainServices() {
	if !s.t.Failed() {
		return
	}
	for _, n := range s.Nodes {
		s.t.Logf("log of %s:\n%s", s.services[n].Name, s.services[n].LogTail(10))
	}
	if s.client != nil {
		s.t.Logf("the client: %s", s.client.Since(time.Time{}))
	}
}

// servedBy waits until requests that are sent from now on are answered by the node.
func (s *served) servedBy(n *lab.Node) {
	s.t.Helper()
	from := time.Now()
	s.eventually("the client is served by "+n.Name, func() bool {
		return slices.ContainsFunc(s.client.Since(from), func(r lab.Request) bool { return r.Good() && r.By == n.Name })
	})
}

// outage logs how long the client went without a good answer since a moment, and what it
// got instead.
func (s *served) outage(what string, since time.Time) {
	s.t.Helper()
	gap := s.client.Since(time.Time{}).Outage(since, time.Now())
	s.t.Logf("%s: longest time without a good answer %s; %s", what, gap.Round(time.Millisecond), s.client.Since(since))
}

// healthIs waits until the cluster takes the node for healthy, sick or unknown.
func (s *served) healthIs(n *lab.Node, health string) {
	s.t.Helper()
	s.eventuallySays(n.Name+" is known to be "+health, func() bool { return s.seenBy(s.owner(), n).Health == health })
}

// checkIs waits until the node's check web is in a state for a reason.
func (s *served) checkIs(n *lab.Node, state, reason string) (is api.Check) {
	s.t.Helper()
	s.eventuallySays(fmt.Sprintf("the check on %s is %s: %s", n.Name, state, reason), func() bool {
		is = s.checkOf(n)
		return is.State == state && strings.Contains(is.Error, reason)
	})
	return is
}

// checkOf returns the status of a node's check web.
func (s *served) checkOf(n *lab.Node) api.Check {
	s.t.Helper()
	for _, c := range s.status(n).Checks {
		if c.Name == "web" {
			return c
		}
	}
	return api.Check{}
}

// leaves waits until the VIP has left a sick node for a healthy one, where the client is
// served, and returns that.
func (s *served) leaves(sick *lab.Node) (next *lab.Node) {
	s.t.Helper()
	next = s.movedFrom(sick)
	s.servedBy(next)
	s.lastClaim(next) // has been written down
	if got := s.lastMoveFrom(next, sick); !strings.Contains(got.Reason, "web") {
		s.t.Errorf("the VIP went from %s to %s because: %q; want because of its check web", sick.Name, got.To, got.Reason)
	}
	return next
}

// staysAt wants the VIP where it is, unless a busy machine has kept its owner from the
// others for too long.
func (s *served) staysAt(n *lab.Node) {
	s.t.Helper()
	now := s.settled()
	if now == n {
		return
	}
	if why := s.lastClaim(now).Reason; !strings.Contains(why, "lost contact with ") {
		s.t.Errorf("the VIP went to %s because: %s; want it to stay at %s", now.Name, why, n.Name)
	}
}
