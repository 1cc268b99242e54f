//go:build ipvs

package ipvs

import (
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// reviewNow carries out what was Set last, as Run does, with a look at the kernel.
func reviewNow(m *Manager) {
	m.due = time.Time{}
	m.turn()
	if m.looking {
		m.digest(<-m.looks)
	}
}

// clear has m remove all that it brought, and end.
func (m *Manager) clear(t *testing.T) {
	t.Helper()
	m.Set(nil, Settings{})
	reviewNow(m)
	m.end()
	if s := m.Status(); len(s.Failed)+len(s.Problems) > 0 {
		t.Errorf("cleared: %+v", s)
	}
}

// amendNow does so without a look.
func amendNow(m *Manager) (settled bool) {
	m.op.Lock()
	defer m.op.Unlock()
	return m.amend(*m.demanded())
}

// wantInKernel compares what the real kernel has.
func wantInKernel(t *testing.T, what string, want []Service) {
	t.Helper()
	k, err := openKernel()
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.survey()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(got, ordered(want), Service.equal) {
		t.Errorf("%s: the kernel has\n%+v, want\n%+v", what, got, ordered(want))
	}
	if err := k.close(); err != nil {
		t.Error(err)
	}
}

func wantWell(t *testing.T, what string, m *Manager) {
	t.Helper()
	if s := m.Status(); !s.Ready || len(s.Failed)+len(s.Problems)+len(s.Blocked) > 0 || s.Mended > 0 {
		t.Errorf("%s: status %+v, want all well and nothing mended", what, s)
	}
}

// variedTable has services and servers of all kinds, as their fields are wanted.
func variedTable() []Service {
	plain := web(1, 1, 0, 65535)
	persistent := web(2, 1).by("sh")
	persistent.Options = Scheduler1 | Scheduler2
	persistent.Persistence = Persistence{Timeout: 60, Prefix: 24}
	routed := web(3, 1, 1, 1, 1)
	for i, r := range []Route{
		{Forward: Direct, Upper: 100, Lower: 50},
		{Forward: Tunnel},
		{Forward: Tunnel, Encapsulation: GUE, GUEPort: 6080, Checksum: RemoteChecksum},
		{Forward: Tunnel, Encapsulation: GRE, Checksum: WithChecksum},
	} {
		routed.Servers[i].Route = r
	}
	six := Service{
		Key:       KeyOf(UDP, netip.MustParseAddrPort("[2001:db8::1]:53")),
		Balancing: Balancing{"rr", OnePacket, Persistence{Timeout: 60, Prefix: 64}},
		Servers:   []Server{{Address: netip.MustParseAddrPort("[2001:db8::2]:53"), Weight: 1}},
	}
	mark4 := Service{Key: KeyOfMark(7, IPv4), Balancing: Balancing{Scheduler: "rr"}, Servers: web(1, 1).Servers}
	mark6 := Service{Key: KeyOfMark(7, IPv6), Balancing: Balancing{Scheduler: "wlc"}, Servers: six.Servers}
	return []Service{plain, persistent, routed, six, mark4, mark6}
}

// TestKernelManager: a Manager gets a table into the real kernel, finds it just as it
// wants it, edits it and removes it.
func TestKernelManager(t *testing.T) {
	m := New(Config{Record: filepath.Join(t.TempDir(), "ipvs.json")})
	t.Cleanup(func() { m.clear(t) })
	table := variedTable()
	for _, s := range table {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
	settings := Settings{Timeouts: Timeouts{TCP: 600}}
	m.Set(table, settings)
	reviewNow(m)
	wantWell(t, "added", m)
	wantInKernel(t, "added", table)
	reviewNow(m)
	wantWell(t, "looked at again", m)

	// All that can be edited in place, each to something else.
	edited := variedTable()
	edited[0].Servers[1].Weight = 5
	edited[1].Balancing = Balancing{Scheduler: "wrr"}
	edited[2].Servers[0].Route, edited[2].Servers[1].Route = edited[2].Servers[2].Route, edited[2].Servers[0].Route
	edited[3].Persistence = Persistence{}
	edited[4].Persistence = Persistence{Timeout: 90, Prefix: 32}
	m.Set(edited, settings)
	if !amendNow(m) {
		t.Error("a look at the kernel is needed for edits, want none")
	}
	wantInKernel(t, "edited", edited)
	reviewNow(m)
	wantWell(t, "edited", m)
	if list, err := m.Counters(); err != nil || len(list) != len(table) {
		t.Errorf("counters of %d services, %v, want %d", len(list), err, len(table))
	}
	m.Set(nil, Settings{})
	reviewNow(m)
	wantInKernel(t, "cleared", nil)
}

// TestKernelManagerRefused: what the kernel refuses is told, and keeps nothing else back.
func TestKernelManagerRefused(t *testing.T) {
	m := New(Config{Record: filepath.Join(t.TempDir(), "ipvs.json")})
	t.Cleanup(func() { m.clear(t) })
	m.Set([]Service{web(1, 1).by("foo"), web(2, 1)}, Settings{})
	reviewNow(m)
	wantInKernel(t, "one of two", []Service{web(2, 1)})
	if s := m.Status(); len(s.Failed) != 1 || s.Failed[0].Key != web(1).Key {
		t.Errorf("failed %q, want the one with an unknown scheduler", s.Failed)
	}
}

// TestKernelManagerWeight: one weight among 10,000 servers, from Set to the kernel.
func TestKernelManagerWeight(t *testing.T) {
	m := New(Config{Record: filepath.Join(t.TempDir(), "ipvs.json")})
	t.Cleanup(func() { m.clear(t) })
	table := bigTable(1000)
	begin := time.Now()
	m.Set(table, Settings{})
	reviewNow(m)
	t.Logf("figure manager-first-apply %.3f", time.Since(begin).Seconds())
	begin = time.Now()
	reviewNow(m)
	t.Logf("figure manager-review %.3f", time.Since(begin).Seconds())
	wantWell(t, "added", m)
	for i := range uint32(20) {
		table = reweighed(table, 500, 77+i)
		begin = time.Now()
		m.Set(table, Settings{})
		if !amendNow(m) {
			t.Error("a look at the kernel is needed for a weight, want none")
		}
		t.Logf("figure manager-weight-change %.6f", time.Since(begin).Seconds())
	}
	wantInKernel(t, "changed", table)
}
