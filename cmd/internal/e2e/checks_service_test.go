package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// breakage is what can happen to a web server.
type breakage struct {
	begin  func(s *lab.Service) error
	reason string // part of the check's
	mend   func(s *lab.Service) error
}

func becomes(m lab.Manner) func(*lab.Service) error {
	return func(s *lab.Service) error { return s.Become(m) }
}

func stop(s *lab.Service) error { return s.Stop(patience) }

var breakages = map[string]breakage{
	"stopped":       {stop, "connection refused", (*lab.Service).Start},
	"killed":        {(*lab.Service).Kill, "connection refused", (*lab.Service).Start},
	"frozen":        {(*lab.Service).Freeze, "no answer", (*lab.Service).Thaw},
	"answering 503": {becomes(lab.Manner{Status: 503}), "status 503", becomes(lab.Manner{})},
	"slow":          {becomes(lab.Manner{Delay: 2 * time.Second}), "no answer", becomes(lab.Manner{})},
}

// Whatever happens to the web server of the owner: the VIP goes to a node whose own is
// well, and clients are served from there.
func TestCheckServiceBreaks(t *testing.T) {
	t.Parallel()
	for kind, make := range servers {
		for name, b := range breakages {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := serve(t, make, byHTTP)
				old := s.owner()
				begin := time.Now()
				s.must(b.begin(s.services[old]))
				next := s.leaves(old)
				s.outage(kind+" "+name, begin)
				s.explains(old, next, b.reason)

				s.must(b.mend(s.services[old]))
				s.checkIs(old, api.CheckHealthy, "")
				s.healthIs(old, api.HealthHealthy)
				s.staysAt(next)
			})
		}
	}
}

// explains wants every node to say why the sick one is not the owner, and of the check
// what there is to say.
func (s *served) explains(sick, owner *lab.Node, reason string) {
	s.t.Helper()
	is := s.checkIs(sick, api.CheckFailed, "failed 3 of 3: ")
	if !strings.Contains(is.Error, reason) || is.Kind == "" || is.Target == "" || is.Healthy || is.Failures < 3 || is.Looks < is.Failures || is.Last.IsZero() {
		s.t.Errorf("%s says of its check: %+v; want it to have failed because of %s", sick.Name, is, reason)
	}
	for _, viewer := range s.Nodes {
		want := "check web " + is.Error
		s.eventuallySays(viewer.Name+" says of "+sick.Name+": "+want, func() bool {
			seen := s.seenBy(viewer, sick)
			return seen.Health == api.HealthSick && !seen.Healthy && strings.Contains(seen.Why, want)
		})
	}
	if out := s.perch(owner, "status"); !strings.Contains(out, "check web failed 3 of 3: ") {
		s.t.Errorf("perch status does not say why %s is not the owner:\n%s", sick.Name, out)
	}
	s.healthIs(owner, api.HealthHealthy)
}

// A certificate that has ended is as bad as no server, and so is one that ends too soon
// for the check.
func TestCheckCertificate(t *testing.T) {
	t.Parallel()
	for kind, make := range servers {
		for name, tt := range map[string]struct {
			left   time.Duration
			reason string
		}{
			"expired":      {-time.Minute, "expired"},
			"expires soon": {30 * time.Minute, "expires in"},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				authority, err := lab.NewAuthority()
				must(t, err)
				s := prepareServed(t, make, byHTTPS)
				root := filepath.Join(s.Spec.Dir, "ca.pem")
				s.must(authority.WriteRoot(root))
				for _, n := range s.Nodes {
					s.certify(n, authority, 30*24*time.Hour)
				}
				s.begin()
				old := s.owner()
				begin := time.Now()
				s.certify(old, authority, tt.left)
				next := s.leaves(old)
				s.outage(kind+", certificate "+name, begin)
				s.explains(old, next, tt.reason)
			})
		}
	}
}

// byHTTPS wants a certificate that is valid for an hour.
func byHTTPS(n *lab.Node, _ *lab.Service) []string {
	return []string{
		`kind = "http"`, fmt.Sprintf("target = \"https://%s/\"", n.Host.Eth0.IPv4.Addr()),
		fmt.Sprintf("ca_file = %q", filepath.Join(filepath.Dir(n.Dir), "ca.pem")),
		`expiry_limit = "1h"`, `expiry_warning = "2h"`,
	}
}

// certify gives the node's web server a certificate that is valid for a time yet.
func (s *served) certify(n *lab.Node, authority *lab.Authority, left time.Duration) {
	s.t.Helper()
	path := filepath.Join(n.Dir, fmt.Sprintf("certificate-%d.pem", time.Now().UnixNano()))
	s.must(authority.Issue(path, time.Now().Add(left), n.Host.Eth0.IPv4.Addr()))
	s.must(s.services[n].Become(lab.Manner{Certificate: path}))
}

// A process that dies is noticed by itself, however it is found.
func TestCheckProcess(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]checked{
		"pidfile": func(_ *lab.Node, s *lab.Service) []string {
			return []string{`kind = "process"`, fmt.Sprintf("pidfile = %q", s.PIDFile())}
		},
		"command": func(_ *lab.Node, s *lab.Service) []string {
			return []string{`kind = "process"`, fmt.Sprintf("command = %q", s.ConfigFile())}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, lab.NewHAProxy, how)
			old := s.owner()
			begin := time.Now()
			s.must(s.services[old].Kill())
			s.leaves(old)
			s.outage("process by "+name+" killed", begin)
			s.healthIs(old, api.HealthSick)
			s.must(s.services[old].Start())
			s.checkIs(old, api.CheckHealthy, "")
		})
	}
}

// A reload adds a check and takes it away again; the owner goes by what there is.
func TestCheckReload(t *testing.T) {
	t.Parallel()
	s := serve(t, lab.NewHAProxy, byHTTP)
	looks := s.checkOf(s.owner()).Looks
	old := s.owner()
	missing := filepath.Join(s.Spec.Dir, "missing")
	addTables(t, old, check("flag", `kind = "file"`, fmt.Sprintf("target = %q", missing)))
	s.perch(old, "reload")
	s.eventuallySays("there is one more check", func() bool { return len(s.status(old).Checks) == 2 })
	s.never("the VIP moves although nothing depends on the check", time.Second, func() bool { return !s.holdsAny(old) })

	setKey(t, old, `track = ["web", "flag"]`)
	s.perch(old, "reload")
	next := s.movedFrom(old)
	s.servedBy(next)
	s.healthIs(old, api.HealthSick)
	if now := s.checkOf(old).Looks; now < looks {
		t.Errorf("check web has looked %d times, and did so %d times before the reload: it began anew", now, looks)
	}

	setKey(t, old, `track = ["web"]`)
	s.perch(old, "reload")
	s.healthIs(old, api.HealthHealthy)
	s.staysAt(next)
}
