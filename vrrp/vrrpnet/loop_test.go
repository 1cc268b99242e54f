package vrrpnet

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// Fifty instances of both families have their master on one node, and all of them on
// the other one when that stops.
func TestManyInstances(t *testing.T) {
	a, b := newPair(t)
	a.run()
	stop := b.run()
	many := func(priority uint8) (all []Instance) {
		for vrid := range uint8(25) {
			all = append(all, instance(vrid+1, priority), instance(vrid+1, priority, ipv6, named(fmt.Sprintf("six%d", vrid+1))))
		}
		return all
	}
	a.configure(many(100)...)
	b.configure(many(200)...)
	for _, i := range many(0) {
		b.is(i.Name, vrrp.Master)
		a.is(i.Name, vrrp.Backup)
	}
	stop()
	for _, i := range many(0) {
		a.is(i.Name, vrrp.Master)
	}
}

// Whatever comes in, and however much of it, a master stays what it is. Nobody else's
// packets touch it.
func TestNoise(t *testing.T) {
	a, b := newPair(t)
	a.run()
	a.configure(
		instance(1, 200),
		instance(2, 200, ipv6),
		instance(3, 200, unicast(b.own[0])),
		instance(4, 200, version2, auth(vrrp.AH, "secret")),
	)
	for _, s := range a.Status() {
		a.is(s.Name, vrrp.Master)
	}
	n := newNoise(t, b, a)
	for range 30000 {
		n.send()
	}
	for _, s := range a.Status() {
		a.is(s.Name, vrrp.Master)
		if s.Announces > 0 {
			t.Errorf("%+v", s)
		}
	}
	for name, h := range a.Heard() {
		if h.Refused == (vrrp.Counts{}) {
			t.Errorf("%s has heard nothing", name)
		}
	}
}

// noise sends packets that are almost right.
type noise struct {
	t      testing.TB
	random *rand.Rand
	fds    map[int]int // by protocol, negative over IPv6
	to     []netip.Addr
	index  int
	seeds  [][]byte
}

func newNoise(t testing.TB, from, to *node) *noise {
	t.Helper()
	from.here()
	n := &noise{
		t: t, random: rand.New(rand.NewPCG(1, 2)), fds: map[int]int{},
		to: []netip.Addr{vrrp.Group4, to.own[0], vrrp.Group6, to.own[1]}, index: from.link("eth0").Attrs().Index,
	}
	for _, p := range []int{protocolVRRP, protocolAH} {
		fd, err := openSocket(unix.AF_INET, p, link{"eth0", n.index}, nil)
		must(t, err)
		n.fds[p] = fd
	}
	six, err := openSocket(unix.AF_INET6, protocolVRRP, link{"eth0", n.index}, nil)
	must(t, err)
	n.fds[-protocolVRRP] = six
	t.Cleanup(func() {
		for _, fd := range n.fds {
			unix.Close(fd)
		}
	})
	for vrid := range uint8(5) {
		advert := vrrp.Advert{Version: vrrp.V3, VRID: vrid, Priority: 255, Interval: adv, Addresses: []netip.Addr{from.own[0]}}
		n.seeds = append(n.seeds, advert.AppendTo(nil, from.own[0], vrrp.Group4, vrrp.MessageOnly))
	}
	return n
}

// send sends an advert with a bit that is wrong, or any bytes.
func (n *noise) send() {
	b := append([]byte{}, n.seeds[n.random.IntN(len(n.seeds))]...)
	if n.random.IntN(2) == 0 {
		b = make([]byte, n.random.IntN(300))
		for i := range b {
			b[i] = byte(n.random.Uint32())
		}
		if len(b) > 26 {
			b[0], b[1], b[25] = 0x31, byte(n.random.IntN(6)), byte(n.random.IntN(6))
		}
	} else {
		b[2+n.random.IntN(len(b)-2)] ^= 1 << n.random.IntN(8)
	}
	address := n.to[n.random.IntN(len(n.to))]
	var err error
	switch {
	case address.Is6():
		err = unix.Sendto(n.fds[-protocolVRRP], b, 0, &unix.SockaddrInet6{Addr: address.As16(), ZoneId: uint32(n.index)})
	case n.random.IntN(3) == 0:
		err = unix.Sendto(n.fds[protocolAH], b, 0, &unix.SockaddrInet4{Addr: address.As4()})
	default:
		err = unix.Sendto(n.fds[protocolVRRP], b, 0, &unix.SockaddrInet4{Addr: address.As4()})
	}
	must(n.t, err)
}

// still is an engine whose loop does not run: the test does what it does.
func still(t testing.TB, n *node, instances ...Instance) *Engine {
	t.Helper()
	n.here()
	e, err := New(Options{})
	must(t, err)
	t.Cleanup(func() { e.leave(); e.Close() })
	e.look()
	e.around.interfaces = byName(n.interfaces())
	for i := range instances {
		instances[i].Lease = &lease{}
	}
	e.configure(instances)
	e.refilter()
	return e
}

// advance has the loop of a still engine be an interval later, which is that of all.
func (e *Engine) advance() {
	for _, r := range e.runners {
		e.now += r.Router.Interval
		break
	}
	e.tickMasters()
	e.tickBackups()
	e.flush()
}

// advertKinds are the ways of adverts through the loop.
var advertKinds = []struct {
	name    string
	changes []func(*Instance)
}{
	{"IPv4", nil},
	{"IPv6", []func(*Instance){ipv6}},
	{"group", []func(*Instance){func(i *Instance) { i.Group = "g" }}},
	{"unicast", []func(*Instance){unicastPair}},
	{"unicast over IPv6", []func(*Instance){ipv6, unicastPair}},
	{"version 2", []func(*Instance){version2}},
	{"version 2 with a password", []func(*Instance){version2, auth(vrrp.Password, "secret")}},
	{"version 2 behind AH", []func(*Instance){version2, auth(vrrp.AH, "secret")}},
}

// unicastPair has the master, on the first of two nodes, and the backup send to each other.
func unicastPair(i *Instance) {
	number := 2
	if i.Router.Priority == backupPriority {
		number = 1
	}
	peer := nodeAddresses(number)[0]
	if i.IPv6 {
		peer = nodeAddresses(number)[1]
	}
	unicast(peer)(i)
}

// Priorities of a stillPair.
const (
	masterPriority = 200
	backupPriority = 100
)

// stillPair are the still engines of a master and a backup of 70 virtual routers.
func stillPair(t *testing.T, changes []func(*Instance)) (master, backup *Engine) {
	t.Helper()
	a, b := newPair(t)
	masters, backups := seventy(changes)
	master, backup = still(t, a, masters...), still(t, b, backups...)
	for range 5 {
		master.advance()
	}
	return master, backup
}

// seventy are the instances of as many virtual routers, on a master and on a backup.
func seventy(changes []func(*Instance)) (masters, backups []Instance) {
	for vrid := range uint8(70) {
		masters = append(masters, instance(vrid+1, masterPriority, changes...))
		backups = append(backups, instance(vrid+1, backupPriority, changes...))
	}
	return masters, backups
}

// What a master sends, and the lease that it keeps for it, allocates nothing.
func TestHotPathAdvertSend(t *testing.T) {
	for _, tt := range advertKinds {
		t.Run(tt.name, func(t *testing.T) {
			master, _ := stillPair(t, tt.changes)
			if n := testing.AllocsPerRun(20, master.advance); n > 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// What the kernel takes note of for a backup, which catches up with it later, allocates nothing.
func TestHotPathAdvertAbsorb(t *testing.T) {
	for _, tt := range advertKinds {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newPair(t)
			masters, backups := seventy(tt.changes)
			master, noting := still(t, a, masters...), noting(t, b, backups...)
			for range 5 {
				master.advance()
				noting.hearAll() // its socket has no room for all
			}
			more := 0
			n := testing.AllocsPerRun(20, func() {
				master.advance()
				if more++; more%5 == 0 { // a packet that passes has it learn anew
					for _, r := range noting.runners {
						r.absorption.shut()
					}
				}
				noting.hearAll()
				noting.now = noting.patience.first().due
				noting.survey()
				noting.reports()
			})
			if n > 0 {
				t.Errorf("%v allocations", n)
			}
			if never := backups[0].Wire.Auth.Kind == vrrp.AH; never != (noting.absorbed("v1") == 0) {
				t.Errorf("%d adverts were absorbed", noting.absorbed("v1"))
			}
		})
	}
}

// What a backup hears allocates nothing.
func TestHotPathAdvertReceive(t *testing.T) {
	for _, tt := range advertKinds {
		t.Run(tt.name, func(t *testing.T) {
			master, backup := stillPair(t, tt.changes)
			hear := func() {
				for _, rc := range backup.receivers {
					backup.hear(rc)
				}
			}
			hear()
			if n := testing.AllocsPerRun(20, func() { master.advance(); hear() }); n > 0 {
				t.Errorf("%v allocations", n)
			}
			for _, r := range backup.runners {
				if s := r.status(); s.State != vrrp.Backup || s.Master != r.place.source && !s.Master.IsValid() {
					t.Fatalf("it heard no master: %+v", s)
				}
			}
		})
	}
}

// A master that was asked for an advert, and lost before that has left, has no lease.
func TestAdvertAfterTheEnd(t *testing.T) {
	a, _ := newPair(t)
	e := still(t, a, instance(7, 200))
	for range 5 {
		e.advance()
	}
	r := e.runners["v7"]
	if !e.Holds("v7") && r.hold.until.Load() == 0 {
		t.Fatal("it is not the master")
	}
	e.now = r.due
	opened := r.Lease.(*lease).opened.Load()
	e.step(r, r.router.Tick(e.now), "")
	e.step(r, r.router.Hear(e.now, netip.MustParseAddr("198.18.0.9"), 255, adv), "")
	e.flush()
	if r.Lease.(*lease).opened.Load() != opened || r.hold.until.Load() != 0 {
		t.Error("its lease was opened")
	}
}

// hooked is a Lease that has something done first when it is shut.
type hooked struct {
	lease
	first func()
}

func (h *hooked) Shut() { h.first(); h.lease.Shut() }

// Nobody hears of a farewell before the lease is shut.
func TestReleaseComesFirst(t *testing.T) {
	a, b := newPair(t)
	e, other := still(t, a, instance(7, 200)), still(t, b, instance(7, 100))
	heard := func() (farewells int) {
		for _, rc := range other.receivers {
			n, err := other.inbox.receive(rc.fd)
			must(t, err)
			for i := range n {
				if p, _ := rc.kind.parse(other.inbox, i); p.Payload[2] == 0 {
					farewells++
				}
			}
		}
		return farewells
	}
	for range 5 {
		e.advance()
	}
	r, shut := e.runners["v7"], false
	r.Lease = &hooked{first: func() {
		shut = true
		if n := heard(); n > 0 {
			t.Errorf("%d farewells were heard", n)
		}
	}}
	e.end([]*runner{r})
	if n := heard(); n != 1 || !shut {
		t.Errorf("%d farewells, and it let go: %t", n, shut)
	}
}

// What is for others does not even wake the engine.
func TestOthersAreNotHeard(t *testing.T) {
	a, b := newPair(t)
	sender, e := still(t, a, instance(7, 200), instance(8, 200, ipv6)), still(t, b, instance(7, 100, ipv6), instance(8, 100))
	for range 5 {
		sender.advance()
	}
	for kind, rc := range e.receivers {
		if n, err := e.inbox.receive(rc.fd); n > 0 || err != nil {
			t.Errorf("%+v: %d packets, %v", kind, n, err)
		}
	}
}

// Many packets that want the same answer have one.
func TestOneAnswerToMany(t *testing.T) {
	a, _ := newPair(t)
	e := still(t, a, instance(7, 200))
	for range 5 {
		e.advance()
	}
	r := e.runners["v7"]
	sent := r.seen.Sent
	for range 20 {
		e.step(r, r.router.Hear(e.now, netip.MustParseAddr("198.18.0.9"), 50, adv), "")
	}
	e.flush()
	if r.seen.Sent != sent+1 {
		t.Errorf("%d adverts", r.seen.Sent-sent)
	}
	e.step(r, r.router.SetPriority(e.now, 0), "")
	e.step(r, r.router.SetPriority(e.now, vrrp.Owner), "") // rises at once
	e.flush()
	if r.seen.Sent != sent+2 || !e.Holds("v7") && r.hold.until.Load() == 0 {
		t.Error("a farewell was taken for the answer")
	}
}

// A backup whose patience has ended while it did not run reads first what has come in.
func TestBackupReadsFirst(t *testing.T) {
	a, b := newPair(t)
	master, backup := still(t, a, instance(7, 200)), still(t, b, instance(7, 100))
	for range 5 {
		master.advance()
	}
	r := backup.runners["v7"]
	within(t, "its patience ends", func() bool { return Clock() > r.due })
	ready, err := backup.poller.wait()
	must(t, err)
	backup.wake(ready)
	if got := r.status(); got.State != vrrp.Backup || got.Master != a.own[0] || got.Sent > 0 {
		t.Errorf("%+v", got)
	}
}

// What leads to an opened lease is told, also if the state has not changed.
func TestLeaseThatOpensAgainIsNews(t *testing.T) {
	a, _ := newPair(t)
	e := still(t, a, instance(7, 200))
	for range 5 {
		e.advance()
	}
	r := e.runners["v7"]
	e.news = false
	e.advance()
	if e.news {
		t.Error("an advert is news")
	}
	r.hold.until.Store(int64(e.now)) // adverts could not leave
	if e.advance(); !e.news {
		t.Error("the lease has opened, and nobody knows")
	}
}

// Who does not come for the changes finds all of them later.
func TestChanges(t *testing.T) {
	a, _ := newPair(t)
	e := still(t, a, instance(1, 200), instance(2, 200))
	e.tell()
	e.Changes()
	one, two := e.runners["v1"], e.runners["v2"]
	for _, change := range []struct {
		of *runner
		to uint8
	}{{one, 0}, {two, 0}, {one, vrrp.Owner}} {
		e.step(change.of, change.of.router.SetPriority(e.now, change.to), "")
		e.flush()
		e.tell()
	}
	var got []string
	for _, s := range e.Changes() {
		got = append(got, s.Name+" "+s.State.String())
	}
	if want := []string{"v1 fault", "v2 fault", "v1 master"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if left := e.Changes(); left != nil {
		t.Errorf("told again: %v", left)
	}
}

// All routers that wait are met within the slack.
func TestDeadlinesAreMetTogether(t *testing.T) {
	a, _ := newPair(t)
	e := still(t, a, instance(1, 200), instance(2, 199))
	for range 5 {
		e.advance()
	}
	one, two := e.runners["v1"], e.runners["v2"]
	if one.wake-one.due != maxSlack || two.wake-two.due != maxSlack {
		t.Errorf("they are woken %s and %s late", one.wake-one.due, two.wake-two.due)
	}
	e.now = max(one.due, two.due)
	e.tickMasters()
	if len(e.senders[senderKind{one.place.hears, false}].parcels) != 2 {
		t.Error("they are not sent together")
	}
}
