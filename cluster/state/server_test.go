package state

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func orderFor(want Want, service, server string, weight uint32) Command {
	return Command{Server: &Server{Service: service, Server: server, Want: want, Weight: weight}}
}

// give applies an order, and returns what becomes of it.
func give(t *testing.T, s *State, c Command) error {
	t.Helper()
	entry, err := Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.Apply(s.Applied+1, entry)
}

func TestOrdersStandBesideEachOther(t *testing.T) {
	const web, a, b = "web", "10.0.0.11:80", "10.0.0.12:80"
	var s State
	steps := []struct {
		give Command
		want Orders
	}{
		{orderFor(WantUndrain, web, a, 0), Orders{}},
		{orderFor(WantDrain, web, a, 0), Orders{web: {a: {Drain: true}}}},
		{orderFor(WantDrain, web, a, 0), Orders{web: {a: {Drain: true}}}},
		{orderFor(WantWeight, web, a, 7), Orders{web: {a: {Drain: true, Weight: new(uint32(7))}}}},
		{orderFor(WantWeight, web, b, 0), Orders{web: {a: {Drain: true, Weight: new(uint32(7))}, b: {Weight: new(uint32(0))}}}},
		{orderFor(WantUndrain, web, a, 0), Orders{web: {a: {Weight: new(uint32(7))}, b: {Weight: new(uint32(0))}}}},
		{orderFor(WantDrain, "dns", a, 0), Orders{"dns": {a: {Drain: true}}, web: {a: {Weight: new(uint32(7))}, b: {Weight: new(uint32(0))}}}},
		{orderFor(WantDefault, web, b, 0), Orders{"dns": {a: {Drain: true}}, web: {a: {Weight: new(uint32(7))}}}},
		{orderFor(WantDefault, web, a, 0), Orders{"dns": {a: {Drain: true}}}},
		{orderFor(WantUndrain, "dns", a, 0), Orders{}},
	}
	for i, step := range steps {
		before := s.Clone()
		kept, err := before.Encode()
		if err != nil {
			t.Fatal(err)
		}
		mustApply(t, &s, step.give)
		if diff := cmp.Diff(step.want, s.Servers); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
		if now, err := before.Encode(); err != nil || string(now) != string(kept) {
			t.Errorf("step %d changes a clone from %s to %s (%v)", i, kept, now, err)
		}
	}
}

func TestOrdersAreBounded(t *testing.T) {
	var s State
	name := func(i int) string { return fmt.Sprintf("10.0.%d.%d:80", i/250, i%250) }
	for i := range OrdersLimit {
		mustApply(t, &s, orderFor(WantDrain, fmt.Sprint("web", i%7), name(i), 0))
	}
	before := s.Clone()
	if err := give(t, &s, orderFor(WantDrain, "web0", "one more", 0)); !errors.Is(err, ErrTooManyOrders) {
		t.Errorf("one more: %v", err)
	}
	before.Applied++
	if diff := cmp.Diff(before, s); diff != "" {
		t.Errorf("refused, and changes the state:\n%s", diff)
	}
	mustApply(t, &s, orderFor(WantWeight, "web0", name(0), 3))   // has one already
	mustApply(t, &s, orderFor(WantUndrain, "web0", "never", 0))  // asks for nothing
	mustApply(t, &s, orderFor(WantUndrain, "web1", name(1), 0))  // makes room
	mustApply(t, &s, orderFor(WantDrain, "web0", "one more", 0)) // which is taken
	if got := s.Servers.count(); got != OrdersLimit {
		t.Errorf("%d orders, want %d", got, OrdersLimit)
	}
	s.Servers = s.Servers.with("web0", "and another", Order{Drain: true})
	snapshot, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := new(State).Decode(snapshot); err == nil {
		t.Error("a snapshot with too many orders is restored")
	}
}

func TestOrdersThatAreRefused(t *testing.T) {
	for name, c := range map[string]Command{
		"no service":           orderFor(WantDrain, "", "10.0.0.11:80", 0),
		"no server":            orderFor(WantDrain, "web", "", 0),
		"long service":         orderFor(WantDrain, strings.Repeat("x", ServiceLimit-1), "10.0.0.11:80", 0),
		"service long in JSON": orderFor(WantDrain, strings.Repeat("<", ServiceLimit/4), "10.0.0.11:80", 0),
		"long server":          orderFor(WantDrain, "web", strings.Repeat("x", ServerLimit-1), 0),
		"heavy":                orderFor(WantWeight, "web", "10.0.0.11:80", MaxWeight+1),
	} {
		var s State
		if err := give(t, &s, c); !errors.Is(err, ErrBadOrder) || len(s.Servers) > 0 {
			t.Errorf("%s: %v, and %v stands", name, err, s.Servers)
		}
	}
	var s State
	if err := give(t, &s, orderFor("burn", "web", "10.0.0.11:80", 0)); !errors.Is(err, ErrUnknownCommand) || len(s.Servers) > 0 {
		t.Errorf("what a newer perch may want: %v, and %v stands", err, s.Servers)
	}
	mustApply(t, &s, orderFor(WantDrain, strings.Repeat("x", ServiceLimit-2), strings.Repeat("x", ServerLimit-2), 0))
	mustApply(t, &s, orderFor(WantWeight, "web", "10.0.0.11:80", MaxWeight))
}

func TestOrdersComeThroughASnapshot(t *testing.T) {
	var s State
	for _, c := range []Command{
		orderFor(WantDrain, "web", "10.0.0.11:80", 0), orderFor(WantWeight, "web", "10.0.0.11:80", 0), orderFor(WantWeight, "dns", "[2001:db8::1]:53", 9),
	} {
		mustApply(t, &s, c)
	}
	snapshot, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"applied":3,"servers":{"dns":{"[2001:db8::1]:53":{"weight":9}},"web":{"10.0.0.11:80":{"drain":true,"weight":0}}}}`
	if string(snapshot) != want {
		t.Errorf("snapshot\n%s\nwant\n%s", snapshot, want)
	}
	var restored State
	if err := restored.Decode(snapshot); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, restored); diff != "" {
		t.Error(diff)
	}
}

// What a perch wrote that knew of no orders, and what a newer one may write.
func TestSnapshotsOfOtherVersions(t *testing.T) {
	for snapshot, want := range map[string]State{
		`{"applied":4,"drained":["lb1"]}`: {Applied: 4, Drained: []string{"lb1"}},
		`{"servers":{"web":{"a":{"until":7},"b":{"drain":true,"until":7}},"dns":{"a":{}},"ftp":{}}}`: {Servers: Orders{"web": {"b": {Drain: true}}}},
	} {
		var got State
		if err := got.Decode([]byte(snapshot)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", snapshot, diff)
		}
	}
	old := State{Applied: 7}
	for _, snapshot := range []string{
		`{"servers":7}`, `{"servers":{"web":{"":{"drain":true}}}}`, `{"servers":{"web":{"a":{"weight":65536}}}}`, `{"servers":{"web":{"a":{"weight":-1}}}}`,
	} {
		if err := old.Decode([]byte(snapshot)); err == nil || old.Applied != 7 {
			t.Errorf("%s is restored as %+v", snapshot, old)
		}
	}
}
