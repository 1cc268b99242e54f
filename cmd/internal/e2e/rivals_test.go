package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// rival is an implementation of VRRP that is measured.
type rival struct {
	name  string
	start func(tb testing.TB, h *lab.Host, dir string, s setting, priority int) *lab.Daemon
}

// rivals are perch and what it is compared with, in this order.
var rivals = [2]rival{{"perch", startPerch}, {"keepalived", startKeepalived}}

// setting is what a pair of rivals runs. All else is as it is by default.
type setting struct {
	routers  []virtualRouter
	interval time.Duration // of the adverts
}

// virtualRouter is one of version 3 over IPv4, with one address.
type virtualRouter struct {
	link    int // N of ethN
	vrid    int
	address netip.Prefix
}

// many returns n virtual routers on each of some interfaces.
func many(n, links int) []virtualRouter {
	var routers []virtualRouter
	for link := range links {
		for vrid := 1; vrid <= n; vrid++ {
			addr := netip.AddrFrom4([4]byte{10, byte(link), 0, byte(vrid)})
			routers = append(routers, virtualRouter{link, vrid, netip.PrefixFrom(addr, 32)})
		}
	}
	return routers
}

func startPerch(tb testing.TB, h *lab.Host, dir string, s setting, priority int) *lab.Daemon {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "[node]\nname = %q\ndata_dir = %q\nsocket = %q\n", h.Name, filepath.Join(dir, "data"), filepath.Join(dir, "perch.sock"))
	for _, r := range s.routers {
		fmt.Fprintf(&b, "\n[[vrrp]]\nname = \"gw%d-%d\"\ninterface = \"eth%d\"\nvrid = %d\npriority = %d\nadvert_interval = %q\naddresses = [%q]\n",
			r.link, r.vrid, r.link, r.vrid, priority, s.interval, r.address)
	}
	path := filepath.Join(dir, "perch.toml")
	must(tb, os.MkdirAll(dir, 0o700))
	must(tb, os.WriteFile(path, []byte(b.String()), 0o600))
	d := lab.NewDaemon("perch on "+h.Name, h, dir, perchBinary(tb), "serve", "-c", path)
	must(tb, d.Start())
	return d
}

func startKeepalived(tb testing.TB, h *lab.Host, dir string, s setting, priority int) *lab.Daemon {
	tb.Helper()
	var b strings.Builder
	for _, r := range s.routers {
		fmt.Fprintf(&b, "vrrp_instance gw%d-%d {\n\tversion 3\n\tstate BACKUP\n\tinterface eth%d\n\tvirtual_router_id %d\n\tpriority %d\n\tadvert_int %g\n\tvirtual_ipaddress {\n\t\t%s\n\t}\n}\n",
			r.link, r.vrid, r.link, r.vrid, priority, s.interval.Seconds(), r.address)
	}
	d, err := lab.NewKeepalived(h, dir, b.String())
	must(tb, err)
	must(tb, d.Start())
	return d
}

// Priorities of a pair: high, so that the skew time, which is the protocol's and the same
// for all, is a small part of the outage.
const (
	masterPriority = 254
	backupPriority = 250
)

// duel is two nodes of one rival, and a client.
type duel struct {
	setting
	b              *testing.B
	name           string // of the rival
	master, backup *lab.Daemon
	client         *lab.Host
	end            func()
}

// newDuel starts a pair in a lab of its own and waits until it has settled.
func newDuel(b *testing.B, r rival, s setting) *duel {
	b.Helper()
	p := startDuel(b, r, s)
	p.settled()
	return p
}

// startDuel starts the master in a lab of its own, and the backup once the master has all
// addresses.
func startDuel(b *testing.B, r rival, s setting) *duel {
	b.Helper()
	lab.NeedRoot(b)
	lab.NeedPeers(b)
	dir := tempDir(b)
	l, err := lab.New()
	must(b, err)
	p := &duel{setting: s, b: b, name: r.name, end: sync.OnceFunc(func() { must(b, l.Close()) })}
	b.Cleanup(p.end)
	hosts := newHosts(b, l, s.links(), "lb1", "lb2", "client")
	p.client = hosts[2]
	p.master = r.start(b, hosts[0], filepath.Join(dir, "lb1"), s, masterPriority)
	p.await("the master holds all", func() bool { return p.held(p.master) == len(s.routers) })
	p.backup = r.start(b, hosts[1], filepath.Join(dir, "lb2"), s, backupPriority)
	return p
}

// links returns how many interfaces it takes.
func (s setting) links() int { return s.routers[len(s.routers)-1].link + 1 }

// newHosts adds hosts that are all on the same segments.
func newHosts(b *testing.B, l *lab.Lab, segments int, names ...string) []*lab.Host {
	b.Helper()
	var hosts []*lab.Host
	for segment := range segments {
		sw, err := l.AddSwitch()
		must(b, err)
		for i, name := range names {
			if segment > 0 {
				_, err = hosts[i].Join(sw)
				must(b, err)
				continue
			}
			h, err := l.AddHost(name, sw)
			must(b, err)
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// settled waits until the master has all addresses and the backup has none.
func (p *duel) settled() {
	p.b.Helper()
	p.await("the master holds all and the backup nothing", p.isSettled)
}

func (p *duel) isSettled() bool { return p.held(p.master) == len(p.routers) && p.held(p.backup) == 0 }

// held returns how many of the addresses a node has.
func (p *duel) held(d *lab.Daemon) int {
	p.b.Helper()
	addrs, err := d.Host.Addresses()
	must(p.b, err)
	has := map[netip.Addr]bool{}
	for _, a := range addrs {
		has[a] = true
	}
	return len(slices.DeleteFunc(slices.Clone(p.routers), func(r virtualRouter) bool { return !has[r.address.Addr()] }))
}

func (p *duel) await(what string, is func() bool) {
	p.b.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.b.Fatalf("%s: not so: %s\n%s", p.name, what, p.master.LogTail(20))
		}
	}
}

// disturbance is what ends the service of a master for a while.
type disturbance struct {
	name  string
	begin func(master *lab.Daemon) error
	mend  func(master *lab.Daemon) error
}

var disturbances = [2]disturbance{
	{
		"link of the master cut",
		func(d *lab.Daemon) error { return d.Host.Eth0.Cut() },
		func(d *lab.Daemon) error { return d.Host.Eth0.Splice() },
	},
	{
		"SIGTERM of the master",
		func(d *lab.Daemon) error { return d.Process().Signal(syscall.SIGTERM) },
		restart,
	},
}

// restart starts a daemon that was told to end.
func restart(d *lab.Daemon) error {
	select {
	case <-d.Process().Done():
		return d.Start()
	case <-time.After(20 * time.Second):
		return errors.New(d.Name + " does not end")
	}
}

// outage returns the client's longest silence while the backup takes over, after a
// disturbance that comes some time after an advert.
func (p *duel) outage(d disturbance, phase time.Duration) (gap time.Duration, err error) {
	p.b.Helper()
	p.settled()
	pinger, err := p.client.Ping(p.routers[0].address.Addr())
	must(p.b, err)
	defer func() { err = errors.Join(err, pinger.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	must(p.b, pinger.WaitAnswers(ctx, time.Now(), 100))
	tally, err := p.master.Host.Eth0.Tally()
	must(p.b, err)
	must(p.b, errors.Join(tally.Next(10*p.interval), tally.Close()))
	time.Sleep(phase)
	begin := time.Now()
	must(p.b, d.begin(p.master))
	// The same time for both, whose ends do not take the same.
	err = pinger.WaitAnswers(ctx, begin.Add(2*p.interval), 20)
	gap = pinger.Since(begin).Gap
	if p.held(p.backup) == 0 {
		err = errors.Join(err, errors.New("the backup did not take over"))
	}
	must(p.b, d.mend(p.master))
	return gap, err
}
