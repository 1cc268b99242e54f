package vip

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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
	if !a.is4() {
		a.flags = unix.IFA_F_DEPRECATED
	}
	for _, w := range words[1:] {
		switch w {
		case "preferred":
			a.flags &^= unix.IFA_F_DEPRECATED
		case "home":
			a.flags |= unix.IFA_F_HOMEADDRESS
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
		case "ending":
			a.valid, a.preferred = 0, 0
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

// planCase is a kernel, what is wanted of it, and the plan.
type planCase struct {
	name                      string
	link                      link // eth0; zero means up
	have                      []string
	configured, want, retired []VIP
	beside                    []VIP
	plan                      string
}

func (c planCase) run(t *testing.T) {
	l := c.link
	if l == (link{}) {
		l = ethernetLink(2, "eth0")
	}
	in := intent{
		configured: c.configured, want: c.want, retired: c.retired,
		mine: make(map[place]claim), beside: c.beside,
	}
	v := view{links: map[string]link{l.name: l}}
	for _, s := range c.have {
		v.addresses = append(v.addresses, addressOn(t, s, &in))
	}
	if got := texts(in.survey(v).plan(nil)); got != c.plan {
		t.Errorf("plan is\n\t%s\nwant\n\t%s", got, c.plan)
	}
}

// TestPlanTakes: what is missing comes, with a route only where there is none.
func TestPlanTakes(t *testing.T) {
	for _, c := range []planCase{
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
			name: "interface down",
			link: link{index: 2, name: "eth0", ethernet: true}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
		},
	} {
		t.Run(c.name, c.run)
	}
}

// TestPlanBeside: the VIPs of another Manager stay as they are, count for nothing,
// and may become primary or secondary at any time.
func TestPlanBeside(t *testing.T) {
	for _, c := range []planCase{
		{
			name: "no reason to give way",
			have: []string{"198.18.0.100/24 mine", "198.18.0.101/24 secondary"}, beside: vips("198.18.0.101/24"),
			configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
		},
		{
			name: "covers nothing", have: []string{"2001:db8::101/64"}, beside: vips("2001:db8::101/64"),
			configured: vips("2001:db8::100/64"), want: vips("2001:db8::100/64"),
			plan: "add 2001:db8::100/64",
		},
		{
			name: "was this one's", have: []string{"198.18.0.101/24"}, beside: vips("198.18.0.101/24"),
			retired: vips("198.18.0.101/24"),
		},
		{
			name: "what is secondary may be primary soon",
			have: []string{"198.18.0.101/24", "198.18.0.100/24 secondary mine"}, beside: vips("198.18.0.101/24"),
			configured: vips("198.18.0.100/24"),
			plan:       "keep 2, remove 198.18.0.100/24, unkeep 2",
		},
		{
			name: "not behind the node's own",
			have: []string{"198.18.0.1/24", "198.18.0.100/24 secondary mine"}, beside: vips("198.18.0.101/24"),
			configured: vips("198.18.0.100/24"),
			plan:       "remove 198.18.0.100/24",
		},
		{
			name: "in another subnet",
			have: []string{"198.18.0.100/24 mine"}, beside: vips("198.19.0.101/24"),
			configured: vips("198.18.0.100/24"),
			plan:       "remove 198.18.0.100/24",
		},
	} {
		t.Run(c.name, c.run)
	}
}

// TestPlanGivesUp: what is not wanted goes, and nothing with it.
func TestPlanGivesUp(t *testing.T) {
	for _, c := range []planCase{
		{
			name: "put there by somebody else, not wanted",
			have: []string{"198.18.0.100/32"}, configured: vips("198.18.0.100/24"),
			plan: "remove 198.18.0.100/32",
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
			name: "interface down, not wanted",
			link: link{index: 2, name: "eth0", ethernet: true}, have: []string{"198.18.0.100/24 mine"}, configured: vips("198.18.0.100/24"),
			plan: "remove 198.18.0.100/24",
		},
		{
			name: "primary goes, the node's address stays",
			have: []string{"198.18.0.100/24 mine", "198.18.0.1/24 secondary"}, configured: vips("198.18.0.100/24"),
			plan: "keep 2, remove 198.18.0.100/24, restore 198.18.0.1/24, unkeep 2",
		},
		{
			name: "primary goes, and an address whose lifetime is over does not come back",
			have: []string{"198.18.0.100/24 mine", "198.18.0.1/24 secondary ending"}, configured: vips("198.18.0.100/24"),
			plan: "keep 2, remove 198.18.0.100/24, unkeep 2",
		},
		{
			name: "primary goes, the kernel promotes anyway",
			link: link{index: 2, name: "eth0", up: true, running: true, promotes: true}, have: []string{"198.18.0.100/24 mine", "198.18.0.1/24 secondary"}, configured: vips("198.18.0.100/24"),
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
	} {
		t.Run(c.name, c.run)
	}
}

// TestPlanCorrects: what is there in another form than it should.
func TestPlanCorrects(t *testing.T) {
	for _, c := range []planCase{
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
			name:       "the node's address came later and gets the first place",
			have:       []string{"198.18.0.100/24 mine", "198.18.0.101/24 secondary mine", "198.18.0.1/24 secondary", "198.18.0.102/24 secondary mine"},
			configured: vips("198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24"), want: vips("198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24"),
			plan: "remove 198.18.0.101/24, add 198.18.0.101/24, " +
				"keep 2, remove 198.18.0.100/24, restore 198.18.0.1/24, restore 198.18.0.102/24, restore 198.18.0.101/24, unkeep 2, add 198.18.0.100/24",
		},
		{
			name: "one that is somebody else's is only taken over",
			have: []string{"198.18.0.100/24 noroute"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
			plan: "adopt 198.18.0.100/24 noroute",
		},
		{
			name: "two forms are there, one of them is right",
			have: []string{"198.18.0.100/32", "198.18.0.100/24 mine"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
		},
		{
			name: "a single address needs no route",
			have: []string{"198.18.0.100/32 noroute mine"}, configured: vips("198.18.0.100/32"), want: vips("198.18.0.100/32"),
		},
		{
			name: "nothing is corrected on an interface that is down",
			link: link{index: 2, name: "eth0", ethernet: true}, have: []string{"198.18.0.100/24 noroute mine"}, configured: vips("198.18.0.100/24"), want: vips("198.18.0.100/24"),
		},
		{
			name: "new prefix length, IPv6, interface down",
			link: link{index: 2, name: "eth0", ethernet: true}, have: []string{"2001:db8::100/64 mine"}, configured: vips("2001:db8::100/128"), want: vips("2001:db8::100/128"),
			retired: vips("2001:db8::100/64"),
			plan:    "remove 2001:db8::100/64",
		},
		{
			name: "the node's address came later, and one of the VIPs is somebody else's",
			have: []string{"198.18.0.100/24 mine", "198.18.0.101/24 secondary adopted", "198.18.0.1/24 secondary"}, configured: vips("198.18.0.100/24", "198.18.0.101/24"), want: vips("198.18.0.100/24", "198.18.0.101/24"),
			plan: "keep 2, remove 198.18.0.100/24, restore 198.18.0.101/24, restore 198.18.0.1/24, unkeep 2, add 198.18.0.100/24",
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
	} {
		t.Run(c.name, c.run)
	}
}

// TestPlanTwoNames: two VIPs that are one, as their interface has two names.
func TestPlanTwoNames(t *testing.T) {
	one := vips("198.18.0.100/24")[0]
	other := VIP{Address: one.Address, Interface: "wan0"}
	l := ethernetLink(2, "eth0")
	for name, in := range map[string]intent{
		"the first is wanted":   {configured: []VIP{one, other}, want: []VIP{one}},
		"the second is wanted":  {configured: []VIP{one, other}, want: []VIP{other}},
		"the first was retired": {configured: []VIP{other}, want: []VIP{other}, retired: []VIP{one}},
	} {
		in.mine = make(map[place]claim)
		v := view{
			links:     map[string]link{"eth0": l, "wan0": l},
			addresses: []address{addressOn(t, "198.18.0.100/24 mine", &in)},
		}
		if got := texts(in.survey(v).plan(nil)); got != "" {
			t.Errorf("%s: plan is %s, want none", name, got)
		}
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
	in := intent{mine: make(map[place]claim), lasts: func(VIP) uint32 { return 30 }}
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
			flags: unix.IFA_F_NODAD | unix.IFA_F_DEPRECATED, valid: 30, preferred: 0,
		},
	}
	if len(actions) != 2 || actions[0].address != want[0] || actions[1].address != want[1] {
		t.Errorf("actions are %+v, want addresses %+v", actions, want)
	}
}
