package vrrpnet

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// What hears its own adverts only once is not absorbed, and what has no note neither.
func TestWhatIsAbsorbed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		want   bool
		change func(n, other *node) []Instance
	}{
		{"version 3", true, one(func(*Instance) {})},
		{"IPv6", true, one(ipv6)},
		{"version 2", true, one(version2)},
		{"password", true, one(func(i *Instance) { version2(i); auth(vrrp.Password, "secret")(i) })},
		{"AH", false, one(func(i *Instance) { version2(i); auth(vrrp.AH, "secret")(i) })},
		{"signed", false, one(func(i *Instance) {
			i.Wire.Auth.Keys, i.Wire.Auth.Active = map[uint8][]byte{1: make([]byte, 32)}, 1
			i.Wire.Auth.Window = time.Hour
		})},
		{"unicast", true, func(_, other *node) []Instance { return []Instance{instance(7, 0, unicast(other.own[0]))} }},
		{"two with one VRID", false, func(_, other *node) []Instance {
			return []Instance{instance(7, 0), instance(7, 0, unicast(netip.MustParseAddr("198.18.0.77")), named("two"))}
		}},
		{"many addresses", false, one(func(i *Instance) {
			for n := range uint8(150) {
				i.Wire.Addresses = append(i.Wire.Addresses, netip.AddrFrom4([4]byte{198, 18, 2, n}))
			}
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newPair(t)
			rank := func(all []Instance, priority uint8) []Instance {
				for i := range all {
					all[i].Router.Priority = priority
				}
				return all
			}
			master, backup := still(t, a, rank(tt.change(a, b), 200)...), noting(t, b, rank(tt.change(b, a), 100)...)
			interval := func() {
				master.advance()
				backup.hearAll()
			}
			for range 5 {
				interval()
			}
			const more = 10
			backup.catchUp(backup.runners["v7"])
			before := heeded(backup.runners["v7"])
			for range more {
				interval()
			}
			backup.catchUp(backup.runners["v7"])
			if n := heeded(backup.runners["v7"]) - before; n != more {
				t.Errorf("%d adverts were heeded, want %d", n, more)
			}
			if n := backup.absorbed("v7"); tt.want && n < more || !tt.want && n > 0 {
				t.Errorf("%d adverts were absorbed", n)
			}
		})
	}
}

// heeded returns how many adverts a runner has heeded.
func heeded(r *runner) uint64 {
	refused := r.wire.Refused()
	return refused.Of(0)
}

func one(change func(*Instance)) func(_, _ *node) []Instance {
	return func(_, _ *node) []Instance { return []Instance{instance(7, 0, change)} }
}

// While masters are well a backup is not woken by their adverts, and by its deadlines not
// more than once in an interval, however many routers there are.
func TestWellMastersWakeNobody(t *testing.T) {
	const routers, intervals = 200, 20
	a, b := newPair(t)
	var masters, backups []Instance
	for vrid := range uint8(routers) {
		masters, backups = append(masters, instance(vrid+1, 200)), append(backups, instance(vrid+1, 100))
	}
	master, backup := still(t, a, masters...), noting(t, b, backups...)
	for range 5 {
		master.advance()
		backup.hearAll()
	}
	wakes, start, begin := 0, backup.now, Clock()
	heard := func() (n uint64) {
		for _, r := range backup.runners {
			backup.catchUp(r)
			n += heeded(r)
		}
		return n
	}
	before := heard()
	for range intervals {
		master.advance()
		for kind, rc := range backup.receivers {
			if n, _ := backup.inbox.receive(rc.fd); n > 0 {
				t.Fatalf("%d packets wake it at %+v", n, kind)
			}
		}
	}
	if n := heard() - before; n != routers*intervals {
		t.Errorf("%d adverts were heard, want %d", n, routers*intervals)
	}
	// Its time goes by faster than that of the adverts, which come just before it wakes.
	for next := backup.next(); next < start+intervals*adv; next = backup.next() {
		wakes++
		backup.now = next
		for _, r := range backup.runners {
			r.absorption.word.Store(uint64(momentOf(next-time.Duration(r.Wire.VRID)*adv/256))<<timeShift | absorbing)
		}
		backup.tickBackups()
	}
	if begin == 0 || wakes == 0 || wakes > intervals {
		t.Errorf("it woke up %d times in %d intervals", wakes, intervals)
	}
	for _, r := range backup.runners {
		if r.router.State() != vrrp.Backup {
			t.Fatalf("%s is %s", r.Name, r.router.State())
		}
	}
}

// A backup that has not run for long, while its master was well, stays one; and one whose
// master has gone meanwhile does not take it for well.
func TestBackupThatDidNotRun(t *testing.T) {
	a, b := newPair(t)
	master, backup := still(t, a, instance(7, 200)), noting(t, b, instance(7, 100))
	for range 5 {
		master.advance()
		backup.hearAll()
	}
	r := backup.runners["v7"]
	wake := func() {
		backup.look()
		backup.tickBackups()
	}
	within(t, "its patience ends", func() bool { return Clock() > r.due })
	master.advance()
	if wake(); r.router.State() != vrrp.Backup || r.due <= backup.now || backup.absorbed("v7") == 0 {
		t.Errorf("its master is well: %s, due at %s, and it is %s", r.router.State(), r.due, backup.now)
	}
	last := r.due
	within(t, "its patience ends", func() bool { return Clock() > r.due })
	if wake(); r.due == last || r.router.Master() == a.own[0] {
		t.Errorf("its master is gone: %s, due at %s, and it is %s", r.router.State(), r.due, backup.now)
	}
	if n := backup.absorbed("v7"); r.router.State() == vrrp.Master {
		master.advance()
		if backup.absorbed("v7") > n {
			t.Error("a master does not hear all")
		}
	}
}

// What changes more than when the advert was heard last has it be heard again.
func TestNotesEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(e *Engine, r *runner)
	}{
		{"a priority above the master's", func(e *Engine, r *runner) { r.priority = 250; e.settle(r) }},
		{"a fault", func(e *Engine, r *runner) { r.fault = "a check"; e.settle(r) }},
		{"a fault of its group", func(e *Engine, _ *runner) { other := e.runners["v8"]; other.fault = "a check"; e.settle(other) }},
		{"another config", func(e *Engine, r *runner) { to := r.Instance; to.Wire.Addresses = nil; e.change(r, to) }},
		{"shorter packets", func(e *Engine, r *runner) { e.around.interfaces["eth0"].MTU = 576; e.settle(r) }},
		{"no interface", func(e *Engine, r *runner) { clear(e.around.interfaces); e.settle(r) }},
		{"its deadline", func(e *Engine, r *runner) { e.catchUp(r); e.now = r.due; e.tickBackups() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newPair(t)
			grouped := func(i *Instance) { i.Group = "g" }
			master := still(t, a, instance(7, 200), instance(8, 200))
			backup := noting(t, b, instance(7, 100, grouped), instance(8, 100, grouped))
			for range 5 {
				master.advance()
				backup.hearAll()
			}
			r := backup.runners["v7"]
			n := r.absorption.note
			if n.word.Load()&absorbing == 0 {
				t.Fatal("nothing is absorbed")
			}
			if tt.do(backup, r); n.word.Load()&absorbing != 0 || r.absorption != nil && r.absorption.learnt {
				t.Error("the advert is absorbed still")
			}
		})
	}
}

// A router whose priority rises above its master's is as patient as if it had heard the
// adverts before.
func TestPriorityAfterRepeats(t *testing.T) {
	a, b := newPair(t)
	master, backup := still(t, a, instance(7, 200)), noting(t, b, instance(7, 100))
	for range 5 {
		master.advance()
		backup.hearAll()
	}
	opened := Clock()
	within(t, "some time", func() bool { return Clock() > opened+adv/10 })
	sent := Clock()
	master.advance()
	r := backup.runners["v7"]
	r.priority = 250
	backup.look()
	backup.settle(r)
	if want := sent + 3*adv; r.due < want {
		t.Errorf("it is due %s too soon", want-r.due)
	}
}

// A packet that was lost on its way from the filter does not keep a note shut for ever.
func TestNoteAfterALoss(t *testing.T) {
	a, b := newPair(t)
	master, backup := still(t, a, instance(7, 200)), noting(t, b, instance(7, 100))
	for range 5 {
		master.advance()
		backup.hearAll()
	}
	n := backup.runners["v7"].absorption.note
	n.shut()
	n.word.Add(1 << seqShift)
	for range 3 {
		master.advance()
		backup.hearAll()
		if n.word.Load()&absorbing != 0 {
			t.Fatal("it opens, and a packet may be on its way")
		}
	}
	backup.now += lost + 1
	backup.open(backup.runners["v7"].absorption)
	master.advance()
	backup.hearAll()
	if n.word.Load()&absorbing == 0 {
		t.Error("it does not open any more")
	}
}

// Instances that come later have notes, too, and who leaves makes room.
func TestNotesGrow(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	many := func(count int, priority uint8) (all []Instance) {
		for vrid := range count {
			all = append(all, instance(uint8(vrid+1), priority))
		}
		return all
	}
	for _, count := range []int{1, 3, minNotes + 1, 2, minNotes + 20} {
		a.configure(many(count, 200)...)
		b.configure(many(count, 100)...)
		within(t, fmt.Sprintf("adverts of %d are absorbed", count), func() bool {
			absorbing, free, room := 0, 0, 0
			must(t, b.commands.call(func() {
				for _, r := range b.runners {
					if r.absorption != nil && r.absorption.word.Load()&1 == 1 {
						absorbing++
					}
				}
				free, room = len(b.notes.free), len(b.notes.notes)
			}))
			return absorbing == count && free+count == room
		})
	}
}

// As many other routers have notes at once: of those before, and of these, is known for a while.
func TestNotesOfOthers(t *testing.T) {
	_, b := newPair(t)
	many := func(first int) (all []Instance) {
		for n := range minNotes {
			i := instance(uint8(first+n), 100)
			if n == 0 {
				i = instance(200, 100) // keeps the socket
			}
			all = append(all, i)
		}
		return all
	}
	e := noting(t, b, many(minNotes+1)...)
	next := many(1)
	for i := range next {
		next[i].Lease = &lease{}
	}
	next[0].Lease = e.runners["v200"].Lease
	e.configure(next)
	e.refilter()
	for _, r := range e.runners {
		if r.absorption == nil {
			t.Errorf("%s has no note", r.Name)
		}
	}
}

// Without the permission, or on an older kernel, all goes as it always did.
func TestWithoutNotes(t *testing.T) {
	a, b := newPair(t)
	a.run()
	stop := b.run()
	a.room, b.room = -1, -1
	a.configure(instance(7, 100))
	b.configure(instance(7, 200))
	b.is("v7", vrrp.Master)
	a.is("v7", vrrp.Backup)
	a.hears("v7", "its master", func(s vrrp.Sender) bool { return s.Heeded > 3 })
	stop()
	a.is("v7", vrrp.Master)
}

// Over IPv6 the destination is compared, though nothing else be another one, as here, where
// the checksum is the same. Traffic class and flow label are not.
func TestIPv6HeaderOfRepeats(t *testing.T) {
	a, b := newPair(t)
	i := instance(7, 100, ipv6)
	backup := noting(t, b, i)
	usual := saying{source: a.own[1], ttl: 255, priority: 200, interval: i.Wire.Interval, version: vrrp.V3, vrid: 7}
	group := newSpeaker(t, a, true, vrrp.Group6)
	elsewhere := netip.MustParseAddr("ff02::12:0")
	other := newSpeaker(t, a, true, elsewhere)
	for _, rc := range backup.receivers {
		b.here()
		must(t, joinGroup(rc.fd, elsewhere, rc.kind.link))
	}
	r := backup.runners["v7"]
	hears := func(what string, say func(), absorbed, heeded, refused uint64) {
		t.Helper()
		count := func() [3]uint64 {
			backup.catchUp(r)
			all := r.wire.Refused()
			sum := uint64(0)
			for _, n := range all {
				sum += n
			}
			return [3]uint64{backup.absorbed("v7"), all.Of(0), sum - all.Of(0)}
		}
		before := count()
		say()
		backup.hearAll()
		now := count()
		if got := [3]uint64{now[0] - before[0], now[1] - before[1], now[2] - before[2]}; got != [3]uint64{absorbed, heeded, refused} {
			t.Errorf("%s: %d absorbed, heeded, refused, want %d, %d, %d", what, got, absorbed, heeded, refused)
		}
	}
	say := func() { group.say(usual) }
	hears("the first one", say, 0, 1, 0)
	hears("the same again", say, 1, 1, 0)
	must(t, unix.SetsockoptInt(group.fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0xb8))
	hears("of another traffic class", say, 1, 1, 0)
	hears("to another destination", func() { other.say(usual) }, 0, 0, 1)
	hears("the first one again", say, 0, 1, 0)
	hears("and again", say, 1, 1, 0)
}

// Who asks what was heard is told of what was absorbed, too, long before a deadline.
func TestHeardHasWhatWasAbsorbed(t *testing.T) {
	a, b := newPair(t)
	b.run()
	long := func(i *Instance) { i.Router.Interval, i.Wire.Interval = 40*time.Second, 40*time.Second }
	i := instance(7, 100, long)
	b.configure(i)
	s := newSpeaker(t, a, false, vrrp.Group4)
	say := func() {
		s.say(saying{source: a.own[0], ttl: 255, priority: 200, interval: i.Wire.Interval, version: vrrp.V3, vrid: 7})
	}
	noted := func(what string, want func(*note) bool) {
		within(t, what, func() (is bool) {
			must(t, b.commands.call(func() { n := b.runners["v7"].absorption; is = n != nil && want(n.note) }))
			return is
		})
	}
	noted("there is a note", func(*note) bool { return true })
	say()
	noted("the first one is heard", func(n *note) bool { return n.word.Load()&absorbing != 0 })
	say()
	say()
	noted("two are absorbed", func(n *note) bool { return n.count.Load() == 2 })
	if senders := b.Heard()["v7"].Senders; len(senders) != 1 || senders[0].Heeded != 3 {
		t.Errorf("heard is %+v", senders)
	}
}

// Nothing is left in the kernel of a socket that is closed, of notes that others have taken the
// place of, nor of an engine that has ended.
func TestNotesLeaveNothing(t *testing.T) {
	mapped := func() int {
		list, err := os.ReadFile("/proc/self/maps")
		must(t, err)
		return strings.Count(string(list), "anon_inode:bpf-map")
	}
	before := mapped()
	a, _ := newPair(t)
	stop := a.run()
	for _, count := range []int{1, minNotes + 1, 2*minNotes + 1} {
		var all []Instance
		for vrid := range count {
			all = append(all, instance(uint8(vrid+1), 100))
		}
		a.configure(all...)
		if n := mapped() - before; n != 1 {
			t.Errorf("with %d instances there are %d maps of notes", count, n)
		}
	}
	a.configure()
	owners := 0
	must(t, a.commands.call(func() {
		var key [16]byte
		var index uint32
		for each := a.notes.owners.Iterate(); each.Next(&key, &index); {
			owners++
		}
	}))
	if owners > 0 {
		t.Errorf("without instances there are %d owners", owners)
	}
	stop()
	if n := mapped() - before; n != 0 {
		t.Errorf("at the end there are %d maps of notes", n)
	}
}
