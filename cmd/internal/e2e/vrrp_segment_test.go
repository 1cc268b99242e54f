package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// segment is a network with some nodes that run virtual routers, and a record of all
// that they say. Each advert in it is checked at the end of the case.
type segment struct {
	t       *testing.T
	net     *network
	capture *lab.Capture
	members []*member
}

// order says what one node is to run.
type order struct {
	implementation
	vs     []virtual
	synced bool
}

func running(i implementation, vs ...virtual) order { return order{implementation: i, vs: vs} }

// member is a node of a segment. It has a daemon, which is not started.
type member struct {
	*lab.Daemon
	implementation
	setup

	left    bool // its daemon has no say over its addresses: it may well hold them
	starts  int  // how often the daemon was started
	start   int  // of the log since the last time
	stopped time.Time
}

func newSegment(t *testing.T, orders ...order) *segment {
	t.Helper()
	lab.NeedPeers(t)
	s := &segment{t: t, net: newNetwork(t)}
	dir := s.net.tempDir(t)
	for i, p := range orders {
		host := s.net.addHost(t, fmt.Sprintf("%s%d", p.name, i+1))
		s.members = append(s.members, &member{
			implementation: p.implementation,
			setup:          setup{host: host, dir: filepath.Join(dir, host.Name), vs: p.vs, synced: p.synced},
			left:           true, // FRR's interfaces have their addresses before it runs
		})
	}
	s.joinSecond()
	for _, m := range s.members {
		for _, other := range s.others(m) {
			m.peers = append(m.peers, other.host)
		}
		m.Daemon = m.prepare(t, m.setup)
	}
	s.awaitAddresses()
	var err error
	s.capture, err = s.net.Capture(s.net.sw, filepath.Join(dir, "capture"))
	must(t, err)
	t.Cleanup(s.explainFailure)
	t.Cleanup(s.checkAdverts)
	return s
}

// joinSecond gives the nodes an eth1 on a second switch, if a router is to run there.
func (s *segment) joinSecond() {
	s.t.Helper()
	var second *lab.Switch
	for _, m := range s.members {
		if !slices.ContainsFunc(m.vs, func(v virtual) bool { return v.Interface == "eth1" }) {
			continue
		}
		if second == nil {
			var err error
			second, err = s.net.AddSwitch()
			must(s.t, err)
		}
		_, err := m.host.Join(second)
		must(s.t, err)
	}
}

// awaitAddresses waits until the nodes have an address for the source of their adverts.
func (s *segment) awaitAddresses() {
	s.t.Helper()
	for _, m := range s.members {
		if m.vs[0].isIPv6() {
			s.eventually(m.host.Name+" has a link-local address", func() bool {
				has, err := m.host.HasLinkLocal()
				must(s.t, err)
				return has
			})
		}
	}
}

func (s *segment) others(than *member) []*member {
	return slices.DeleteFunc(slices.Clone(s.members), func(m *member) bool { return m == than })
}

// install replaces the node's daemon, which does not run, by another implementation.
func (s *segment) install(m *member, i implementation) {
	s.t.Helper()
	m.implementation = i
	m.setup.dir += "-" + i.name
	m.Daemon = m.prepare(s.t, m.setup)
}

// start starts daemons, and waits until each listens.
func (s *segment) start(members ...*member) {
	s.t.Helper()
	for _, m := range members {
		s.launch(m)
	}
	for _, m := range members {
		s.eventually(m.Name+" listens", func() bool {
			log := m.log()[m.start:]
			settled := m.isBackup == nil || !m.isBackup(log) || !s.holdsAny(m)
			return settled && strings.Count(log, m.standby) >= len(m.vs)
		})
	}
}

func (s *segment) launch(m *member) {
	s.t.Helper()
	m.left, m.start = false, len(m.log())
	m.starts++
	must(s.t, m.Daemon.Start())
}

// log is all that the daemon has written.
func (m *member) log() string {
	log, _ := os.ReadFile(m.LogFile()) // there is none before the first start
	return string(log)
}

func (s *segment) stop(m *member) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	m.stopped = time.Now()
	must(s.t, m.Terminate(ctx))
	m.left = m.fickle
	if !m.left && s.holdsAny(m) {
		s.t.Errorf("%s was stopped in good order and left an address behind", m.Name)
	}
}

func (s *segment) kill(m *member) {
	s.t.Helper()
	must(s.t, m.Kill())
	m.left = !m.fenced
}

func (m *member) addresses() []netip.Addr {
	var addrs []netip.Addr
	for _, v := range m.vs {
		for _, p := range v.Addresses {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs
}

// holds counts the addresses that the node has.
func (s *segment) holds(m *member) (n int) {
	s.t.Helper()
	for _, addr := range m.addresses() {
		live, err := m.host.Live(addr)
		must(s.t, err)
		if live {
			n++
		}
	}
	return n
}

func (s *segment) holdsAll(m *member) bool { s.t.Helper(); return s.holds(m) == len(m.addresses()) }
func (s *segment) holdsAny(m *member) bool { s.t.Helper(); return s.holds(m) > 0 }

// isMaster reports whether the node holds all addresses, and means to.
func (s *segment) isMaster(m *member) bool {
	s.t.Helper()
	return s.holdsAll(m) && (m.isBackup == nil || !m.isBackup(m.log()[m.start:]))
}

// fickleness is how long a fickle node may take to become the master.
const fickleness = 5 * time.Second

// masterIs waits until the node alone holds all addresses, but for those that others
// left behind.
func (s *segment) masterIs(m *member) {
	s.t.Helper()
	since := time.Now()
	s.eventually(m.Name+" alone holds the addresses", func() bool {
		if m.fickle && time.Since(since) > fickleness {
			s.t.Logf("%s is mute, and is started anew:\n%s", m.Name, m.LogTail(5))
			must(s.t, m.Kill())
			s.launch(m)
			since = time.Now()
		}
		return s.isMaster(m) && !slices.ContainsFunc(s.others(m), func(o *member) bool {
			return !o.left && s.holdsAny(o)
		})
	})
}

// bothAreMaster waits until every node holds its addresses, as nodes do that do not
// heed each other.
func (s *segment) bothAreMaster() {
	s.t.Helper()
	s.eventually("every node holds its addresses", func() bool {
		return !slices.ContainsFunc(s.members, func(m *member) bool { return !s.isMaster(m) })
	})
}

// sole asks the whole segment who has the addresses, and wants the node's answer alone.
func (s *segment) sole(m *member) {
	s.t.Helper()
	for _, addr := range m.addresses() {
		var macs []lab.MAC
		for range 20 { // a busy machine may keep the owner from its lease for a moment
			var err error
			macs, err = s.net.asker.AnsweringMACs(addr, 100*time.Millisecond)
			must(s.t, err)
			if len(macs) > 0 {
				break
			}
		}
		if want := m.mac(m.vs[0]); len(macs) != 1 || macs[0] != want {
			s.t.Errorf("%s is answered for by %v, want %v alone, of %s", addr, macs, want, m.Name)
		}
	}
}

// eventually waits until done is true.
func (s *segment) eventually(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(byLooking) {
		if time.Now().After(deadline) {
			s.t.Fatalf("still not after %s: %s", patience, what)
		}
	}
}

// never watches for a while that bad is not true.
func (s *segment) never(what string, during time.Duration, bad func() bool) {
	s.t.Helper()
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(byLooking) {
		if bad() {
			s.t.Fatalf("within %s: %s", during, what)
		}
	}
}

// explainFailure shows all there is to know about a case that failed.
func (s *segment) explainFailure() {
	if !s.t.Failed() {
		return
	}
	for _, m := range s.members {
		s.t.Logf("log of %s at %s:\n%s", m.Name, m.host.Eth0.IPv4, m.LogTail(60))
	}
	adverts, err := s.capture.Adverts()
	s.t.Logf("the last of %d adverts (%v):", len(adverts), err)
	for _, a := range adverts[max(0, len(adverts)-60):] {
		s.t.Logf("%s %s %s > %s priority %d", a.At.UTC().Format("15:04:05.000"), a.From, a.Src, a.Dst, a.Priority)
	}
}
