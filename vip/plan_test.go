package vip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// text is an action as the tables below write it.
func (a action) text() string {
	name := map[op]string{
		opAdopt: "adopt", opAdd: "add", opModify: "modify", opRemove: "remove",
		opKeep: "keep", opUnkeep: "unkeep", opRestore: "restore",
	}[a.op]
	if a.op == opKeep || a.op == opUnkeep {
		return fmt.Sprintf("%s %d", name, a.address.index)
	}
	s := fmt.Sprintf("%s %s", name, a.address.prefix)
	if a.address.has(unix.IFA_F_NOPREFIXROUTE) {
		s += " noroute"
	}
	return s
}

// survey fills in what follows from the rest.
func (in intent) survey(v view) *planner {
	in.wanted = make(map[VIP]struct{})
	for _, vip := range in.want {
		in.wanted[vip] = struct{}{}
	}
	return survey(v, in)
}

func texts(actions []action) string {
	var list []string
	for _, a := range actions {
		list = append(list, a.text())
	}
	return strings.Join(list, ", ")
}

// addressOn is an address of interface 2, written "198.18.0.1/24 noroute mine".
func addressOn(t testing.TB, s string, in *intent) address {
	words := strings.Fields(s)
	a := address{index: 2, prefix: netip.MustParsePrefix(words[0]), valid: forever, preferred: forever}
	for _, w := range words[1:] {
		switch w {
		case "noroute":
			a.flags |= unix.IFA_F_NOPREFIXROUTE
		case "tentative":
			a.flags |= unix.IFA_F_TENTATIVE
		case "failed":
			a.flags |= unix.IFA_F_DADFAILED
		case "secondary":
			a.flags |= unix.IFA_F_SECONDARY
		case "link":
			a.scope = unix.RT_SCOPE_LINK
		case "mine":
			in.mine[a.place()] = claim{address: a}
		case "adopted":
			in.mine[a.place()] = claim{address: a, adopted: true}
		default:
			t.Fatalf("%q: unknown word %q", s, w)
		}
	}
	return a
}

func TestPlan(t *testing.T) {
	up := ethernetLink(2, "eth0")
	down := link{index: 2, name: "eth0", ethernet: true}
	promoting := up
	promoting.promotes = true
	tests := []struct {
		name                      string
		link                      link // eth0; zero means up
		have                      []string
		configured, want, retired []VIP
		plan                      string
	}{
		{
			name: "nothing wanted, nothing there",
			have: []string{"198.18.0.1/24"}, configured: vips("198.18.0.100/24"),
		},
		{
			name: "in the node's own subnet, so secondary",
			have: []string{"198.18.0.1/24"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
			plan: "add 198.18.0.100/24",
		},
		{
			name: "inside a wider subnet of the node",
			have: []string{"198.18.0.1/15"}, configured: vips("198.18.0.100/32"), want: vips("198.18.0.100/32"),
			plan: "add 198.18.0.100/32 noroute",
		},
		{
			name: "a subnet of its own",
			have: []string{"198.18.0.1/24"}, configured: vips("198.19.0.100/24"), want: vips("198.19.0.100/24"),
			plan: "add 198.19.0.100/24",
		},
		{
			name: "wider than the node's subnet",
			have: []string{"198.18.0.1/24"}, configured: vips("198.18.0.100/16"), want: vips("198.18.0.100/16"),
			plan: "add 198.18.0.100/16",
		},
		{
			name:       "another VIP does not cover",
			have:       []string{"198.19.0.101/24 mine"},
			configured: vips("198.19.0.101/24", "198.19.0.102/24"), want: vips("198.19.0.101/24", "198.19.0.102/24"),
			plan: "add 198.19.0.102/24",
		},
		{
			name:       "IPv6",
			have:       []string{"2001:db8::1/64"},
			configured: vips("2001:db8::100/64", "2001:db8:1::100/64"), want: vips("2001:db8::100/64", "2001:db8:1::100/64"),
			plan: "add 2001:db8::100/64 noroute, add 2001:db8:1::100/64",
		},
		{
			name: "held already",
			have: []string{"198.18.0.1/24", "198.18.0.100/24 secondary noroute mine"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
		},
		{
			name: "put there by somebody else, wanted",
			have: []string{"198.18.0.100/24"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
			plan: "adopt 198.18.0.100/24",
		},
		{
			name: "put there by somebody else, with another prefix length",
			have: []string{"198.18.0.100/32"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
			plan: "adopt 198.18.0.100/32",
		},
		{
			name: "put there by somebody else, not wanted",
			have: []string{"198.18.0.100/32"}, configured: vips("198.18.0.100/24"),
			plan: "remove 198.18.0.100/32",
		},
		{
			name: "adds before removes",
			have: []string{"198.18.0.1/24", "198.18.0.100/24 secondary noroute mine"}, configured: vips("198.18.0.100/24", "198.18.0.101/24"),
			want: vips("198.18.0.101/24"),
			plan: "add 198.18.0.101/24, remove 198.18.0.100/24 noroute",
		},
		{
			name: "in the order of want",
			have: []string{"198.18.0.1/24"}, configured: vips("198.18.0.100/24", "198.18.0.101/24"), want: vips("198.18.0.101/24", "198.18.0.100/24"),
			plan: "add 198.18.0.101/24, add 198.18.0.100/24",
		},
		{
			name: "left by a predecessor",
			have: []string{"198.18.0.1/24", "198.18.0.200/24 secondary"}, configured: vips("198.18.0.100/24"), retired: vips("198.18.0.200/24"),
			plan: "remove 198.18.0.200/24",
		},
		{
			name: "a retired VIP's IP with another length is not ours",
			have: []string{"198.18.0.200/32"}, retired: vips("198.18.0.200/24"),
		},
		{
			name: "ours on an interface that got another name",
			link: ethernetLink(2, "lan0"), have: []string{"198.18.0.100/24 mine"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
			plan: "remove 198.18.0.100/24",
		},
		{
			name: "new prefix length, IPv4",
			have: []string{"198.18.0.1/24", "198.18.0.100/24 secondary mine"}, configured: vips("198.18.0.100/32"), want: vips("198.18.0.100/32"),
			retired: vips("198.18.0.100/24"),
			plan:    "add 198.18.0.100/32 noroute, remove 198.18.0.100/24",
		},
		{
			name: "new prefix length, IPv6 has an IP only once",
			have: []string{"2001:db8::1/64", "2001:db8::100/64 mine"}, configured: vips("2001:db8::100/128"), want: vips("2001:db8::100/128"),
			retired: vips("2001:db8::100/64"),
			plan:    "remove 2001:db8::100/64, add 2001:db8::100/128 noroute",
		},
		{
			name: "duplicate address detection failed",
			have: []string{"2001:db8::100/64 failed"}, configured: vips("2001:db8::100/64"), want: vips("2001:db8::100/64"),
			plan: "remove 2001:db8::100/64, add 2001:db8::100/64",
		},
		{
			name: "duplicate address detection under way",
			have: []string{"2001:db8::100/64 tentative"}, configured: vips("2001:db8::100/64"), want: vips("2001:db8::100/64"),
			plan: "remove 2001:db8::100/64, add 2001:db8::100/64",
		},
		{
			name: "interface down",
			link: down, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
		},
		{
			name: "interface down, not wanted",
			link: down, have: []string{"198.18.0.100/24 mine"}, configured: vips("198.18.0.100/24"),
			plan: "remove 198.18.0.100/24",
		},
		{
			name: "primary goes, the node's address stays",
			have: []string{"198.18.0.100/24 mine", "198.18.0.1/24 secondary"}, configured: vips("198.18.0.100/24"),
			plan: "keep 2, remove 198.18.0.100/24, restore 198.18.0.1/24, unkeep 2",
		},
		{
			name: "primary goes, the kernel promotes anyway",
			link: promoting, have: []string{"198.18.0.100/24 mine", "198.18.0.1/24 secondary"}, configured: vips("198.18.0.100/24"),
			plan: "remove 198.18.0.100/24",
		},
		{
			name: "primary goes, a VIP that has just come stays",
			have: []string{"198.18.0.100/24 mine"}, configured: vips("198.18.0.100/24", "198.18.0.101/24"), want: vips("198.18.0.101/24"),
			plan: "add 198.18.0.101/24, keep 2, remove 198.18.0.100/24, restore 198.18.0.101/24, unkeep 2",
		},
		{
			name: "all go, the primary last",
			have: []string{"198.18.0.100/24 mine", "198.18.0.101/24 secondary mine"}, configured: vips("198.18.0.100/24", "198.18.0.101/24"),
			plan: "remove 198.18.0.101/24, remove 198.18.0.100/24",
		},
		{
			name: "secondary goes",
			have: []string{"198.18.0.1/24", "198.18.0.100/24 secondary mine", "198.18.0.2/24 secondary"}, configured: vips("198.18.0.100/24"),
			plan: "remove 198.18.0.100/24",
		},
		{
			name:       "the node's address came later and gets the first place",
			have:       []string{"198.18.0.100/24 mine", "198.18.0.101/24 secondary mine", "198.18.0.1/24 secondary", "198.18.0.102/24 secondary mine"},
			configured: vips("198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24"), want: vips("198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24"),
			plan: "remove 198.18.0.101/24, add 198.18.0.101/24, " +
				"keep 2, remove 198.18.0.100/24, restore 198.18.0.1/24, restore 198.18.0.102/24, restore 198.18.0.101/24, unkeep 2, add 198.18.0.100/24",
		},
		{
			name: "an adopted address keeps its place",
			have: []string{"198.18.0.100/24 adopted", "198.18.0.1/24 secondary"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
		},
		{
			name: "the node's address went, IPv4 cannot change flags",
			have: []string{"198.18.0.100/24 noroute mine"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
			plan: "remove 198.18.0.100/24 noroute, add 198.18.0.100/24",
		},
		{
			name: "the node's address went, a secondary needs no route",
			have: []string{"198.18.0.101/24 mine", "198.18.0.100/24 secondary noroute mine"}, configured: vips("198.18.0.100/24", "198.18.0.101/24"),
			want: vips("198.18.0.100/24", "198.18.0.101/24"),
		},
		{
			name: "an adopted address keeps the flags that somebody chose",
			have: []string{"198.18.0.100/24 noroute adopted"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
		},
		{
			name: "the node's address went, IPv6",
			have: []string{"2001:db8::100/64 noroute mine"}, configured: vips("2001:db8::100/64"), want: vips("2001:db8::100/64"),
			plan: "modify 2001:db8::100/64",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := test.link
			if l == (link{}) {
				l = up
			}
			in := intent{
				configured: test.configured, want: test.want, retired: test.retired,
				mine: make(map[place]claim), lifetime: forever,
			}
			v := view{links: map[string]link{l.name: l}}
			for _, s := range test.have {
				v.addresses = append(v.addresses, addressOn(t, s, &in))
			}
			if got := texts(in.survey(v).plan(nil)); got != test.plan {
				t.Errorf("plan is\n\t%s\nwant\n\t%s", got, test.plan)
			}
		})
	}
}

func TestPlanWaits(t *testing.T) {
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	v := view{links: map[string]link{"eth0": ethernetLink(2, "eth0")}}
	later := map[VIP]struct{}{all[0]: {}}
	got := texts(intent{configured: all, want: all}.survey(v).plan(later))
	if want := "add 198.18.0.101/24"; got != want {
		t.Errorf("plan is %q, want %q", got, want)
	}
}

func TestPlanGivesNewAddresses(t *testing.T) {
	in := intent{mine: make(map[place]claim), lifetime: 30}
	in.configured = vips("198.18.0.100/24", "2001:db8::100/64")
	in.want = in.configured
	v := view{
		links:     map[string]link{"eth0": ethernetLink(2, "eth0")},
		addresses: []address{addressOn(t, "198.18.0.1/24 link", &in)},
	}
	actions := in.survey(v).plan(nil)
	want := []address{
		{
			index: 2, prefix: netip.MustParsePrefix("198.18.0.100/24"), scope: unix.RT_SCOPE_LINK,
			valid: 30, preferred: 30,
		},
		{
			index: 2, prefix: netip.MustParsePrefix("2001:db8::100/64"),
			flags: unix.IFA_F_NODAD, valid: 30, preferred: 0,
		},
	}
	if len(actions) != 2 || actions[0].address != want[0] || actions[1].address != want[1] {
		t.Errorf("actions are %+v, want addresses %+v", actions, want)
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
		return VIP{prefix.Draw(t, "address"), rapid.SampledFrom([]string{"eth0", "eth1", "eth2"}).Draw(t, "interface")}
	})
	s := scene{deaf: rapid.Bool().Draw(t, "deaf")}
	eth0, eth1 := ethernetLink(2, "eth0"), ethernetLink(3, "eth1") // and no eth2
	eth0.promotes = rapid.Bool().Draw(t, "promotes")
	eth1.up = rapid.Bool().Draw(t, "eth1 up")
	s.kernel = newFakeKernel(eth0, eth1, ethernetLink(4, "renamed"))
	s.intent = intent{mine: make(map[place]claim), lifetime: forever}
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
	seen := make(map[spot]bool)
	for _, v := range rapid.SliceOfNDistinct(vip, 0, 8, rapid.ID[VIP]).Draw(t, "vips") {
		at := spot{int(v.Interface[3]), v.Address.Addr()}
		switch kind := rapid.IntRange(0, 2).Draw(t, "kind"); {
		case kind == 0:
			s.intent.retired = append(s.intent.retired, v)
		case !seen[at]:
			seen[at] = true
			s.intent.configured = append(s.intent.configured, v)
			if kind == 1 {
				s.intent.want = append(s.intent.want, v)
			}
		}
	}
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
			return ours(v) && v.Address.Addr() == a.prefix.Addr()
		})
		retired := slices.ContainsFunc(s.intent.retired, func(v VIP) bool { return ours(v) && v.Address == a.prefix })
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
	k := kernel{s.kernel}
	var err error
	switch a.op {
	case opAdopt, opModify:
		err = k.Replace(a.address)
		s.intent.mine[a.address.place()] = claim{a.address, a.op == opAdopt}
	case opAdd:
		err = k.Add(a.address)
		s.intent.mine[a.address.place()] = claim{a.address, a.op == opAdopt}
	case opRemove:
		err = k.Remove(a.address)
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
		actions := s.intent.survey(s.view()).plan(nil)
		addsFirst(t, actions)
		refused := false
		keeping := false
		for _, a := range actions {
			s.do(t, a, &refused)
			keeping = a.op == opKeep || keeping && a.op != opUnkeep
			for _, f := range foreign {
				if !s.has(f) && !(keeping && refused) {
					t.Fatalf("after %s of %s: %v is not as it was", a.text(), texts(actions), f)
				}
			}
		}
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
		return ok && l.index == a.index && v.Address.Addr() == a.prefix.Addr()
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
		ofOther := slices.ContainsFunc(s.intent.want, func(w VIP) bool { return w.Interface == v.Interface && w.Address == v.Address })
		if !ofOther && slices.ContainsFunc(s.kernel.addresses, func(a address) bool { return at(v, a) && a.prefix == v.Address }) {
			t.Fatalf("after %s: retired %s is still there", texts(actions), v)
		}
	}
}
