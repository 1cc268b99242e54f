package ipvs

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawServices draws services of few keys and servers, so that two lists have much in common.
func drawServices(t *rapid.T, label string) []Service {
	keys := []Key{
		web(1).Key, web(2).Key, KeyOf(UDP, web(1).Address), KeyOfMark(1, IPv4), KeyOfMark(1, IPv6),
		KeyOf(TCP, netip.MustParseAddrPort("[2001:db8::1]:80")),
	}
	server := rapid.Custom(func(t *rapid.T) Server {
		return Server{
			Address: web(1, 1, 1, 1, 1).Servers[rapid.IntRange(0, 3).Draw(t, "server")].Address,
			Route:   Route{Forward: rapid.SampledFrom([]Forward{NAT, Direct}).Draw(t, "forward")},
			Weight:  rapid.Uint32Range(0, 2).Draw(t, "weight"),
		}
	})
	service := rapid.Custom(func(t *rapid.T) Service {
		s := Service{
			Key:       rapid.SampledFrom(keys).Draw(t, "key"),
			Balancing: Balancing{Scheduler: rapid.SampledFrom([]string{"rr", "wlc"}).Draw(t, "scheduler")},
			Servers: rapid.SliceOfNDistinct(server, 0, 4, func(s Server) netip.AddrPort { return s.Address }).
				Draw(t, "servers"),
		}
		slices.SortFunc(s.Servers, Server.compare)
		return s
	})
	return ordered(rapid.SliceOfNDistinct(service, 0, 6, func(s Service) Key { return s.Key }).Draw(t, label))
}

// TestPlanReachesWhatIsWanted carries plans out against the model.
func TestPlanReachesWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, want := drawServices(t, "have"), drawServices(t, "want")
		in := intent{want: want, mine: make(map[Key]struct{}), all: rapid.Bool().Draw(t, "all")}
		for _, s := range have {
			if rapid.Bool().Draw(t, "mine") {
				in.mine[s.Key] = struct{}{}
			}
		}
		p := in.plan(have)
		p.steps = slices.Concat(p.creates, p.steps)
		k := newModelKernel(have...)
		for _, s := range p.steps {
			if err := k.do(s); err != nil {
				t.Fatalf("%s of %q: %v", s.text(), stepTexts(p.steps), err)
			}
		}
		if expected := expectTable(in, have); !slices.EqualFunc(k.has(), expected, Service.equal) {
			t.Fatalf("%q leads to %v, want %v", stepTexts(p.steps), k.has(), expected)
		}
		for _, key := range p.claims {
			in.mine[key] = struct{}{}
		}
		if again := in.plan(k.has()); len(again.creates)+len(again.steps) > 0 || len(again.claims) > 0 ||
			!slices.Equal(again.foreign, p.foreign) || !slices.Equal(again.blocked, p.blocked) {
			t.Fatalf("after %q: %+v, want nothing to do", stepTexts(p.steps), again)
		}
		checkThrift(t, p.steps, have, want)
	})
}

// expectTable is what the kernel must have in the end: others' services as they were, and
// of the wanted ones those that are not theirs.
func expectTable(in intent, have []Service) []Service {
	foreign := func(k Key) bool {
		_, there := find(have, k)
		_, mine := in.mine[k]
		return there && !mine && !in.all
	}
	var table []Service
	for _, s := range have {
		if foreign(s.Key) {
			table = append(table, s)
		}
	}
	for _, s := range in.want {
		if !foreign(s.Key) {
			table = append(table, s)
		}
	}
	return ordered(table)
}

// place is what a step is about: a service, or a server of it.
type place struct {
	Key
	server netip.AddrPort
}

// checkThrift checks that nothing that stays is removed, that each thing costs one step at
// most, and none if it stays as it is; and that what takes traffic away comes last.
func checkThrift(t *rapid.T, steps []step, have, want []Service) {
	before, after := places(have), places(want)
	touched := make(map[place]bool)
	taking := false
	for _, s := range steps {
		at := place{s.Key, s.Address()}
		removes := s.verb == removeService || s.verb == removeServer
		takes := removes || s.verb == editServer && s.Weight == 0
		old, there := before[at]
		next, wanted := after[at]
		switch {
		case touched[at]:
			t.Fatalf("%q: %s is touched again", stepTexts(steps), s.text())
		case taking && !takes:
			t.Fatalf("%q: %s comes late", stepTexts(steps), s.text())
		case removes && wanted:
			t.Fatalf("%q: %s, but it stays", stepTexts(steps), s.text())
		case there && wanted && old == next:
			t.Fatalf("%q: %s, but it stays as it is", stepTexts(steps), s.text())
		}
		touched[at], taking = true, takes
	}
}

// places are the services and servers of a list, each as it is.
func places(services []Service) map[place]any {
	all := make(map[place]any)
	for _, s := range services {
		all[place{Key: s.Key}] = s.Balancing
		for _, server := range s.Servers {
			all[place{s.Key, server.Address}] = server
		}
	}
	return all
}
