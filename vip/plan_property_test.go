package vip

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestModel(t *testing.T) {
	at := func(prefix string) address { return address{index: 2, prefix: netip.MustParsePrefix(prefix)} }
	a, b, c, six := at("10.0.0.1/24"), at("10.0.0.2/24"), at("10.0.0.3/24"), at("2001:db8::1/64")
	m := newModel(view{addresses: []address{a, b, six}})
	m.Add(c)
	m.Remove(b)
	m.Add(b) // now the last
	if !m.Leads(a) || m.Leads(b) || m.Leads(six) || !m.Joins(b) || m.Joins(six) {
		t.Error("the first of IPv4 leads, and nobody else")
	}
	if left := m.Remove(b); left != nil {
		t.Errorf("%v goes with a secondary", left)
	}
	m.Add(b)
	if left := m.Remove(a); !slices.Equal(left, []address{c, b}) || !m.Leads(c) {
		t.Errorf("%v goes with the primary, want %v and %v", left, c, b)
	}
	if left := m.Remove(six); left != nil {
		t.Errorf("%v goes with an IPv6 address", left)
	}
	m.Remove(c)
	if left := m.Remove(b); left != nil || m.Joins(a) {
		t.Errorf("after the last one %v is left", left)
	}
}

// scene is a kernel and what is wanted of it.
type scene struct {
	kernel *fakeKernel
	intent intent
	deaf   bool // refuses to promote
}

func drawScene(t *rapid.T) scene {
	pool := []string{
		"10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24", "10.0.0.4/24", "10.0.0.2/32", "10.0.0.3/16",
		"10.0.1.1/24", "10.0.1.2/24", "2001:db8::1/64", "2001:db8::2/64", "2001:db8::2/128", "2001:db8:1::1/64",
	}
	prefix := rapid.Custom(func(t *rapid.T) netip.Prefix {
		return netip.MustParsePrefix(rapid.SampledFrom(pool).Draw(t, "prefix"))
	})
	vip := rapid.Custom(func(t *rapid.T) VIP {
		return VIP{Address: prefix.Draw(t, "address"), Interface: rapid.SampledFrom([]string{"eth0", "eth1", "eth2"}).Draw(t, "interface")}
	})
	whole := rapid.Custom(func(t *rapid.T) netip.Prefix {
		return netip.MustParsePrefix(rapid.SampledFrom([]string{"10.0.0.0/24", "10.1.0.0/20", "2001:db8::/127"}).Draw(t, "range"))
	})
	anyVIP := rapid.Custom(func(t *rapid.T) VIP {
		v := vip.Draw(t, "vip")
		if rapid.IntRange(0, 2).Draw(t, "is a range") == 0 {
			v.Address, v.Kind = whole.Draw(t, "address"), Range
		}
		return v
	})
	s := scene{deaf: rapid.Bool().Draw(t, "deaf")}
	eth0, eth1 := ethernetLink(2, "eth0"), ethernetLink(3, "eth1") // and no eth2
	eth0.promotes = rapid.Bool().Draw(t, "promotes")
	eth1.up = rapid.Bool().Draw(t, "eth1 up")
	s.kernel = newFakeKernel(eth0, eth1, ethernetLink(4, "renamed"))
	s.intent = intent{mine: make(map[place]claim)}
	for range rapid.IntRange(0, 8).Draw(t, "addresses") {
		a := address{
			index:  rapid.SampledFrom([]int{2, 3, 4}).Draw(t, "index"),
			prefix: prefix.Draw(t, "has"), valid: forever, preferred: forever,
			flags: rapid.SampledFrom([]uint32{0, unix.IFA_F_NOPREFIXROUTE}).Draw(t, "flags"),
		}
		if !a.is4() {
			a.flags |= rapid.SampledFrom([]uint32{0, unix.IFA_F_TENTATIVE}).Draw(t, "tentative")
		}
		_ = s.kernel.add(a, false) // EEXIST: one less
	}
	for range rapid.IntRange(0, 3).Draw(t, "routes") { // all of perch: others are not in a view
		v := VIP{Address: whole.Draw(t, "has"), Kind: Range}
		_ = s.kernel.add(v.route(rapid.SampledFrom([]int{2, 3, 4}).Draw(t, "index")), false)
	}
	seen, ranges := make(map[spot]bool), make(map[netip.Prefix]bool)
	for _, v := range rapid.SliceOfNDistinct(anyVIP, 0, 10, rapid.ID[VIP]).Draw(t, "vips") {
		at := v.spot(int(v.Interface[3]))
		switch kind := rapid.IntRange(0, 2).Draw(t, "kind"); {
		case kind == 0:
			s.intent.retired = append(s.intent.retired, v)
		case !seen[at] && !(v.isRange() && ranges[v.Address]): // two of one range overlap
			seen[at], ranges[v.Address] = true, ranges[v.Address] || v.isRange()
			s.intent.configured = append(s.intent.configured, v)
			if kind == 1 {
				s.intent.want = append(s.intent.want, v)
			}
		}
	}
	attributes := make(map[VIP]Attributes)
	for _, v := range s.intent.configured {
		attributes[v] = Attributes{
			Label:   rapid.SampledFrom([]string{"", "", "eth0:1"}).Draw(t, "label"),
			Scope:   rapid.SampledFrom([]uint8{0, 0, unix.RT_SCOPE_LINK}).Draw(t, "scope"),
			NoRoute: rapid.IntRange(0, 3).Draw(t, "no route") == 0,

			Preferred: rapid.Bool().Draw(t, "preferred"),
			Home:      rapid.IntRange(0, 3).Draw(t, "home") == 0,
		}
	}
	s.intent.dress = func(v VIP) Attributes { return attributes[v] }
	for i, a := range s.kernel.addresses {
		if rapid.IntRange(0, 3).Draw(t, "mine") == 0 {
			if a.secondary() { // what is added as such never has the flag
				a.flags &^= unix.IFA_F_NOPREFIXROUTE
				s.kernel.addresses[i] = a
			}
			s.intent.mine[a.place()] = claim{address: a}
		}
	}
	return s
}

func (s scene) view() view {
	v := view{links: make(map[string]link), addresses: slices.Clone(s.kernel.addresses)}
	for _, l := range s.kernel.links {
		if l.name == "renamed" {
			v.others = append(v.others, l)
			continue
		}
		v.links[l.name] = l
	}
	return v
}

// foreign are the addresses that must come out as they went in.
func (s scene) foreign() []address {
	var list []address
	for _, a := range s.kernel.addresses {
		_, mine := s.intent.mine[a.place()]
		ours := func(v VIP) bool {
			return slices.ContainsFunc(s.kernel.links, func(l link) bool {
				return l.name == v.Interface && l.index == a.index
			})
		}
		configured := slices.ContainsFunc(s.intent.configured, func(v VIP) bool {
			return ours(v) && v.spot(a.index) == a.spot() ||
				v.isRange() && a.isRange() && v.Address == a.prefix // there is one route to a destination
		})
		retired := slices.ContainsFunc(s.intent.retired, func(v VIP) bool { return ours(v) && v.place(a.index) == a.place() })
		if !mine && !configured && !retired {
			list = append(list, a)
		}
	}
	return list
}

func (s scene) has(a address) bool {
	return slices.ContainsFunc(s.kernel.addresses, func(b address) bool {
		a.flags &^= unix.IFA_F_SECONDARY
		b.flags &^= unix.IFA_F_SECONDARY
		return a == b
	})
}

// do carries out one action as the shell does.
func (s scene) do(t *rapid.T, a action, refused *bool) {
	k := kernel{s.kernel, newExchange()}
	var err error
	switch a.op {
	case opAdopt, opModify:
		err = k.Replace(a.address)
		s.intent.mine[a.address.place()] = claim{a.address, a.op == opAdopt, a.given}
	case opAdd:
		if err = k.Add(a.address); err == unix.EEXIST && a.address.isRange() { // that of another interface
			err = k.Replace(a.address)
		}
		s.intent.mine[a.address.place()] = claim{a.address, a.op == opAdopt, a.given}
	case opRemove:
		err = k.RemoveAll([]address{a.address})[0]
		delete(s.intent.mine, a.address.place())
	case opKeep:
		*refused = k.Promote(a.address.index, 1) != nil
	case opRestore:
		if err = k.Add(a.address); err == unix.EEXIST || !*refused {
			err = nil
		}
	case opUnkeep:
		if !*refused {
			err = k.Promote(a.address.index, 0)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", a.text(), err)
	}
}

// TestPlanProperties runs plans against the model of the kernel.
func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		s.kernel.refuse = func(kind int, _ address) error {
			if s.deaf && kind == unix.RTM_SETLINK {
				return unix.EPERM
			}
			return nil
		}
		promoted := s.kernel.promotes(2)
		foreign := s.foreign()
		planner := s.intent.survey(s.view())
		planner.each = rapid.IntRange(1, 4).Draw(t, "portion")
		var actions []action
		refused := false
		keeping := false
		for portion := range planner.portions(nil) {
			for _, a := range portion {
				actions = append(actions, a)
				s.do(t, a, &refused)
				keeping = a.op == opKeep || keeping && a.op != opUnkeep
				for _, f := range foreign {
					if !s.has(f) && !(keeping && refused) {
						t.Fatalf("after %s of %s: %v is not as it was", a.text(), texts(actions), f)
					}
				}
			}
		}
		addsFirst(t, actions)
		s.reached(t, actions)
		if s.kernel.promotes(2) != promoted {
			t.Fatalf("%s: promote_secondaries has changed", texts(actions))
		}
		if again := s.intent.survey(s.view()).plan(nil); len(again) > 0 {
			t.Fatalf("after %s the plan is %s, want none", texts(actions), texts(again))
		}
	})
}

// addsFirst checks that all is added before anything is given up. What a VIP
// removes only to come back in another form, now or at the end, is not given up.
func addsFirst(t *rapid.T, actions []action) {
	added := make(map[spot]bool)
	for _, a := range actions {
		added[a.address.spot()] = added[a.address.spot()] || a.op == opAdd
	}
	removed := make(map[spot]bool)
	givenUp := false
	for _, a := range actions {
		at := a.address.spot()
		switch {
		case a.op == opRemove:
			removed[at] = true
			givenUp = givenUp || !added[at]
		case givenUp && (a.op == opAdopt || a.op == opAdd && !removed[at]):
			t.Fatalf("%s: %s comes late", texts(actions), a.text())
		}
	}
}

// reached checks that wanted VIPs are there, and that unwanted and retired ones are not.
func (s scene) reached(t *rapid.T, actions []action) {
	links := s.view().links
	at := func(v VIP, a address) bool {
		l, ok := links[v.Interface]
		return ok && v.spot(l.index) == a.spot()
	}
	for _, v := range s.intent.configured {
		wanted := slices.Contains(s.intent.want, v)
		l, exists := links[v.Interface]
		there := slices.ContainsFunc(s.kernel.addresses, func(a address) bool { return at(v, a) && !a.unusable() })
		if wanted && exists && l.up && !there || !wanted && there {
			t.Fatalf("after %s: %s wanted %t, there %t", texts(actions), v, wanted, there)
		}
	}
	for _, v := range s.intent.retired {
		ofOther := slices.ContainsFunc(s.intent.want, func(w VIP) bool { return w == v })
		if !ofOther && slices.ContainsFunc(s.kernel.addresses, func(a address) bool { return at(v, a) && a.prefix == v.Address }) {
			t.Fatalf("after %s: retired %s is still there", texts(actions), v)
		}
	}
}
