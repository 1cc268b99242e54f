package route

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// gateway is a route that every lab can have.
var gateway = Route{Destination: prefix("203.0.113.0/24"), Via: addr("198.18.0.2")}

const gatewayText = "203.0.113.0/24 via 198.18.0.2 table 254 metric 0 scope 0"

// TestKernelKinds: each kind comes, stays as it is when it is wanted again, and goes.
func TestKernelKinds(t *testing.T) {
	for name, test := range map[string]struct {
		route Route
		rule  Rule
		want  string
	}{
		"gateway":   {route: gateway, want: gatewayText},
		"interface": {route: Route{Destination: prefix("203.0.113.0/24"), Device: "eth0"}, want: "203.0.113.0/24 table 254 metric 0 scope 253"},
		"scope": {
			route: Route{Destination: prefix("203.0.113.0/24"), Device: "eth0", Scope: ScopeGlobal},
			want:  "203.0.113.0/24 table 254 metric 0 scope 0",
		},
		"source, table and metric": {
			route: Route{
				Destination: prefix("203.0.113.0/24"), Via: addr("198.18.0.2"), Device: "eth0",
				Source: addr("198.18.0.1"), Table: 1000, Metric: 7,
			},
			want: "203.0.113.0/24 via 198.18.0.2 src 198.18.0.1 table 1000 metric 7 scope 0",
		},
		"default":   {route: Route{Destination: prefix("0.0.0.0/0"), Via: addr("198.18.0.2"), Table: 100}, want: "0.0.0.0/0 via 198.18.0.2 table 100 metric 0 scope 0"},
		"blackhole": {route: Route{Destination: prefix("203.0.113.0/24"), Blackhole: true}, want: "203.0.113.0/24 table 254 metric 0 scope 0 blackhole"},
		"on-link": {
			route: Route{Destination: prefix("203.0.113.0/24"), Via: addr("192.0.2.1"), Device: "eth0", OnLink: true},
			want:  "203.0.113.0/24 via 192.0.2.1 table 254 metric 0 scope 0 onlink",
		},
		"IPv6 gateway": {
			route: Route{Destination: prefix("2001:db8:1::/48"), Via: addr("2001:db8::2"), Source: addr("2001:db8::1"), Table: 100},
			want:  "2001:db8:1::/48 via 2001:db8::2 src 2001:db8::1 table 100 metric 1024 scope 0",
		},
		"IPv6 interface": {route: Route{Destination: prefix("2001:db8:1::/48"), Device: "eth0", Metric: 5}, want: "2001:db8:1::/48 table 254 metric 5 scope 0"},
		"IPv6 default": {
			route: Route{Destination: prefix("::/0"), Via: addr("fe80::2"), Device: "eth0", Table: 100},
			want:  "::/0 via fe80::2 table 100 metric 1024 scope 0",
		},
		"IPv6 blackhole": {route: Route{Destination: prefix("2001:db8:1::/48"), Blackhole: true}, want: "2001:db8:1::/48 table 254 metric 1024 scope 0 blackhole"},
		"IPv6 on-link": {
			route: Route{Destination: prefix("2001:db8:1::/48"), Via: addr("2001:db8:9::1"), Device: "eth0", OnLink: true},
			want:  "2001:db8:1::/48 via 2001:db8:9::1 table 254 metric 1024 scope 0 onlink",
		},
		"rule":             {rule: Rule{From: prefix("198.18.0.100/32"), Table: 100, Preference: 1000}, want: "1000: from 198.18.0.100/32 to 0.0.0.0/0 table 100"},
		"rule for all":     {rule: Rule{Preference: 1000}, want: "1000: from 0.0.0.0/0 to 0.0.0.0/0 table 254"},
		"rule of mark":     {rule: Rule{Mark: 7, Table: 1000, Preference: 1000}, want: "1000: from 0.0.0.0/0 to 0.0.0.0/0 fwmark 0x7/0xffffffff table 1000"},
		"rule of no mark":  {rule: Rule{Mask: 0xff, Table: 100, Preference: 1000}, want: "1000: from 0.0.0.0/0 to 0.0.0.0/0 fwmark 0x0/0xff table 100"},
		"rule of much":     {rule: Rule{To: prefix("203.0.113.0/24"), In: "eth0", Out: "eth9", Mark: 7, Mask: 0xff, Table: 100, Preference: 1}, want: "1: from 0.0.0.0/0 to 203.0.113.0/24 fwmark 0x7/0xff iif eth0 oif eth9 table 100"},
		"IPv6 rule":        {rule: Rule{From: prefix("2001:db8::/64"), To: prefix("2001:db8:1::/48"), Table: 100, Preference: 1000}, want: "1000: from 2001:db8::/64 to 2001:db8:1::/48 table 100"},
		"IPv6 rule of all": {rule: Rule{From: prefix("::/0"), Mark: 7, Table: 100, Preference: 1000}, want: "1000: from ::/0 to ::/0 fwmark 0x7/0xffffffff table 100"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			m, stop := l.run()
			var routes []Route
			var rules []Rule
			if test.route != (Route{}) {
				routes = append(routes, test.route)
			} else {
				rules = append(rules, test.rule)
			}
			m.Want(routes, rules)
			l.has(test.want)
			have, err := m.kernel.Have()
			must(t, err)
			s, err := newSurvey(demand{routes, rules}, m.kernel.Index)
			must(t, err)
			if again := plan(s.want, have); len(again) > 0 {
				t.Errorf("what is there is to be changed: %v", again)
			}
			m.Want(nil, nil)
			l.has()
			m.Want(routes, rules)
			l.has(test.want)
			stop()
			l.has()
		})
	}
}

// TestKernelPutsBack: what others remove is there again.
func TestKernelPutsBack(t *testing.T) {
	l := newLab(t)
	m, _ := l.run()
	rule := Rule{From: prefix("198.18.0.0/24"), Table: 100, Preference: 1000}
	m.Want([]Route{gateway}, []Rule{rule})
	l.has(gatewayText, rule.String())
	for range 3 {
		l.remove(gateway)
		must(t, l.RuleDel(rule.canonical().message()))
		l.has(gatewayText, rule.String())
	}
	must(t, l.LinkSetDown(l.link("eth0"))) // IPv4 routes go without a notification of their own
	l.eventually("gone", func() bool { return m.Status().Lacks() })
	must(t, l.LinkSetUp(l.link("eth0")))
	l.has(gatewayText, rule.String())
	l.eventually("told", func() bool { return !m.Status().Lacks() })
}

// TestKernelSweeps: what a dead predecessor left goes, unless it is wanted.
func TestKernelSweeps(t *testing.T) {
	l := newLab(t)
	dead, err := New(nil)
	must(t, err)
	rule := Rule{Mark: 7, Table: 100, Preference: 1000}
	other := Route{Destination: prefix("2001:db8:1::/48"), Via: addr("2001:db8::2"), Table: 100}
	must(t, dead.sync(demand{[]Route{gateway, other}, []Rule{rule}}))
	dead.Close()
	l.has(gatewayText, "2001:db8:1::/48 via 2001:db8::2 table 100 metric 1024 scope 0", rule.String())
	m, err := New(nil)
	must(t, err)
	defer m.Close()
	m.Want([]Route{gateway}, nil)
	must(t, m.sync(m.wanted()))
	l.has(gatewayText)
	must(t, m.sync(demand{}))
	l.has()
}

// TestKernelSparesOthers: what is not perch's stays as it is, also where perch wants
// the same.
func TestKernelSparesOthers(t *testing.T) {
	l := newLab(t)
	rule := Rule{From: prefix("198.18.0.0/24"), Table: 100, Preference: 1000}
	six := Route{Destination: prefix("2001:db8:1::/48"), Via: addr("2001:db8::2")}
	l.add(gateway)
	l.add(six)
	foreign := rule.canonical().message()
	foreign.Protocol = unix.RTPROT_STATIC
	must(t, l.RuleAdd(foreign))
	narrower := *foreign // a request to remove perch's rule fits this one, too
	narrower.IifName = "eth0"
	must(t, l.RuleAdd(&narrower))
	before := l.list(unix.RTPROT_STATIC)
	if len(before) != 4 {
		t.Fatalf("others have %q, want 4 of them", before)
	}
	m, stop := l.run()
	m.Want([]Route{gateway, six, {Destination: prefix("203.0.113.0/24"), Via: addr("198.18.0.3"), Metric: 5}}, []Rule{rule})
	const mine = "203.0.113.0/24 via 198.18.0.3 table 254 metric 5 scope 0"
	l.has(mine, rule.String())
	l.eventually("told", func() bool { return len(m.Status().Rules) == 1 })
	got := m.Status()
	for _, r := range got.Routes[:2] {
		if r.There || r.Reason != "somebody else has it" {
			t.Errorf("status is %+v", r)
		}
	}
	if r := got.Routes[2]; !r.There || r.Reason != "" || !got.Rules[0].There {
		t.Errorf("status is %+v, want the last route and the rule there", got)
	}
	stop()
	l.has()
	if after := l.list(unix.RTPROT_STATIC); !slices.Equal(after, before) {
		t.Errorf("others have %q, want %q", after, before)
	}
}

// TestKernelWaits: what needs an interface or an address comes with it.
func TestKernelWaits(t *testing.T) {
	l := newLab(t)
	m, _ := l.run()
	routes := []Route{
		{Destination: prefix("203.0.113.0/24"), Via: addr("198.18.0.2"), Source: addr("198.18.0.100")},
		{Destination: prefix("192.0.2.0/24"), Device: "later"},
		{Destination: prefix("2001:db8:1::/48"), Via: addr("2001:db8::2"), Source: addr("2001:db8::100")},
	}
	m.Want(routes, nil)
	l.eventually("told", func() bool { return len(m.Status().Routes) == 3 })
	reasons := []string{
		"198.18.0.100 is no address of this node, or the kernel refuses the route otherwise: invalid argument",
		"interface later does not exist",
		"2001:db8::100 is no address of this node, or the kernel refuses the route otherwise: invalid argument",
	}
	for i, r := range m.Status().Routes {
		if r.There || r.Reason != reasons[i] {
			t.Errorf("status of %s is %t, %q; want %q", r.Route, r.There, r.Reason, reasons[i])
		}
	}
	const (
		four  = "203.0.113.0/24 via 198.18.0.2 src 198.18.0.100 table 254 metric 0 scope 0"
		six   = "2001:db8:1::/48 via 2001:db8::2 src 2001:db8::100 table 254 metric 1024 scope 0"
		later = "192.0.2.0/24 table 254 metric 0 scope 253"
	)
	l.addr("198.18.0.100/24")
	l.has(four)
	l.addr("2001:db8::100/64")
	l.has(four, six)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "later"
	must(t, l.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "peer1"}))
	must(t, l.LinkSetUp(l.link("later")))
	l.has(four, six, later)
	l.delAddr("198.18.0.100/24")
	l.delAddr("2001:db8::100/64")
	l.has(later)
	l.addr("198.18.0.100/24")
	l.has(four, later)
}

// TestKernelChanges: a route follows another in its place.
func TestKernelChanges(t *testing.T) {
	l := newLab(t)
	m, _ := l.run()
	six := Route{Destination: prefix("2001:db8:1::/48"), Via: addr("2001:db8::2")}
	m.Want([]Route{gateway, six}, nil)
	l.has(gatewayText, "2001:db8:1::/48 via 2001:db8::2 table 254 metric 1024 scope 0")
	next := gateway
	next.Via, six.Via = addr("198.18.0.3"), addr("2001:db8::3")
	m.Want([]Route{next, six}, nil)
	l.has("203.0.113.0/24 via 198.18.0.3 table 254 metric 0 scope 0", "2001:db8:1::/48 via 2001:db8::3 table 254 metric 1024 scope 0")
	next.Metric, next.Via = 9, addr("198.18.0.2")
	m.Want([]Route{next}, nil)
	l.has("203.0.113.0/24 via 198.18.0.2 table 254 metric 9 scope 0")
}

// TestKernelNarrowerRule: of two rules that differ in what one of them does not ask
// for, the right one goes.
func TestKernelNarrowerRule(t *testing.T) {
	l := newLab(t)
	m, stop := l.run()
	wide := Rule{Mark: 7, Table: 100, Preference: 1000}
	narrow := wide
	narrow.In = "eth0"
	m.Want(nil, []Rule{narrow, wide})
	l.has(narrow.String(), wide.String())
	m.Want(nil, []Rule{narrow})
	l.has(narrow.String())
	m.Want(nil, []Rule{wide})
	l.has(wide.String())
	m.Want(nil, []Rule{wide, narrow})
	l.has(narrow.String(), wide.String())
	must(t, l.RuleDel(wide.canonical().message()))
	l.has(narrow.String(), wide.String()) // in another order than they were wanted
	m.Want(nil, nil)
	l.has()
	m.Want(nil, []Rule{narrow, wide})
	l.has(narrow.String(), wide.String())
	stop()
	l.has()
}

// TestKernelLooks: what is wanted, and what is not, is found out also where nobody
// told of it.
func TestKernelLooks(t *testing.T) {
	l := newLab(t)
	m, err := New(nil)
	must(t, err)
	defer m.Close()
	must(t, m.sync(demand{[]Route{gateway}, nil}))
	must(t, l.RouteReplace(asForeign(gateway)))
	surplus := Route{Destination: prefix("192.0.2.0/24"), Blackhole: true}
	must(t, l.RouteAdd(surplus.entry(0).message()))
	must(t, m.sync(demand{[]Route{gateway}, nil}))
	if m.Status().Lacks() {
		t.Error("a look came early: the test tests nothing")
	}
	m.lookAt = time.Time{}
	must(t, m.sync(demand{[]Route{gateway}, nil}))
	if got := m.Status().Routes[0].Reason; got != "somebody else has it" {
		t.Errorf("reason is %q", got)
	}
	l.has()
}

// asForeign is a route as somebody else adds it.
func asForeign(r Route) *netlink.Route {
	n := r.entry(0).message()
	n.Protocol = unix.RTPROT_STATIC
	return n
}

// TestKernelRemovesWhatIsGone: that there is nothing to remove is no error.
func TestKernelRemovesWhatIsGone(t *testing.T) {
	newLab(t)
	k, err := openKernel()
	must(t, err)
	defer k.Close()
	for _, index := range []int{0, 1, 9999} {
		for _, p := range []string{"203.0.113.0/24", "2001:db8:1::/48"} {
			must(t, k.Apply(action{op: opRemoveRoute, route: Route{Destination: prefix(p), Device: "eth0", Table: 77}.entry(index)}))
		}
	}
	must(t, k.Apply(action{op: opRemoveRule, rule: Rule{Preference: 7}.canonical()}))
	must(t, k.Apply(action{op: opRemoveRule, rule: Rule{From: prefix("::/0"), Preference: 7}.canonical()}))
}

// TestKernelWithoutAFamily: one that the kernel has no rules for, as IPv6 where it is
// disabled, has none of perch. AppleTalk is such a one everywhere.
func TestKernelWithoutAFamily(t *testing.T) {
	newLab(t)
	k, err := openKernel()
	must(t, err)
	defer k.Close()
	if list, err := k.rules(unix.AF_APPLETALK); err != nil || len(list) > 0 {
		t.Errorf("%v, %v, want no rules", list, err)
	}
}

// TestKernelTakesOver: perch's route comes when somebody else's in its place has gone.
func TestKernelTakesOver(t *testing.T) {
	l := newLab(t)
	l.add(gateway)
	m, _ := l.run()
	m.Want([]Route{gateway}, nil)
	l.eventually("told", func() bool { return m.Status().Lacks() })
	must(t, l.RouteDel(asForeign(gateway))) // of which nobody tells
	l.has(gatewayText)
}

// TestKernelHears: what is not wanted is not listened to, and routes of others never.
func TestKernelHears(t *testing.T) {
	l := newLab(t)
	w, err := openWatch()
	must(t, err)
	defer w.Close()
	own := func() { must(t, l.RouteAdd(gateway.entry(0).message())); l.remove(gateway) }
	round := 0
	hears := func(want ...uint16) {
		t.Helper()
		round++
		l.addr(fmt.Sprintf("198.18.0.%d/24", 100+round)) // the last that is heard
		if got := heardUntilAddress(t, w); !slices.Equal(got, want) {
			t.Errorf("round %d: heard messages of types %d, want %d", round, got, want)
		}
	}
	own()
	must(t, w.Listen())
	hears()
	own()
	hears(unix.RTM_NEWROUTE, unix.RTM_DELROUTE)
	l.add(Route{Destination: prefix("192.0.2.0/24"), Device: "eth0"})
	hears()
	must(t, w.Ignore())
	own()
	must(t, w.Listen())
	hears()
}

// heardUntilAddress are the types of the messages about routes before one about a new
// IPv4 address.
func heardUntilAddress(t *testing.T, w *watch) []uint16 {
	t.Helper()
	var types []uint16
	for {
		messages, _, err := w.Receive()
		must(t, err)
		for _, m := range messages {
			switch m.Header.Type {
			case unix.RTM_NEWADDR:
				if m.Data[0] == unix.AF_INET {
					return types
				}
			case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
				types = append(types, m.Header.Type)
			}
		}
	}
}
