package vip

import (
	"maps"
	"slices"
	"testing"
)

// TestWhereaboutsHold: what was found out where VIPs belong is used again only while it
// is true.
func TestWhereaboutsHold(t *testing.T) {
	all := append(many(2), VIP{Address: many(1)[0].Address, Interface: "alias0"})
	links := map[string]link{"eth0": ethernetLink(2, "eth0"), "alias0": ethernetLink(3, "alias0")}
	same := map[string]link{"eth0": links["eth0"], "alias0": ethernetLink(2, "alias0")}
	only := maps.Clone(links)
	delete(only, "alias0")
	renamed := map[string]link{"eth0": links["eth0"], "other0": links["alias0"]}
	swapped := map[string]link{"eth0": ethernetLink(3, "eth0"), "alias0": ethernetLink(2, "alias0")}
	never := func(VIP) bool { return false }
	for name, c := range map[string]struct {
		found whereabouts
		all   []VIP
		links map[string]link
		want  bool
	}{
		"the same":           {locate(all, links, never), all, links, true},
		"other VIPs":         {locate(all, links, never), slices.Clone(all), links, false},
		"an interface less":  {locate(all, links, never), all, only, false},
		"an interface more":  {locate(all, only, never), all, links, false},
		"another name":       {locate(all, links, never), all, renamed, false},
		"another index":      {locate(all, links, never), all, swapped, false},
		"one spot for two":   {locate(all, same, never), all, same, false},
		"nothing found yet":  {whereabouts{}, all, links, false},
		"no VIPs, no matter": {locate(nil, nil, never), nil, nil, true},
	} {
		if got := c.found.hold(c.all, c.links); got != c.want {
			t.Errorf("%s: holds %t, want %t", name, got, c.want)
		}
	}
}

// TestWhereaboutsAreKept: to take VIPs does not find out anew where they belong.
func TestWhereaboutsAreKept(t *testing.T) {
	all := many(1000)
	m, k := fakeWith(t, Options{}, all)
	perLook := testing.AllocsPerRun(5, func() {
		in, _, _ := m.intent()
		v, err := m.look(in)
		must(t, err)
		m.observe(survey(v, in), map[int]struct{}{}, atOnce)
	})
	if perLook > 100 {
		t.Errorf("a look before %d VIPs are taken allocates %v times", len(all), perLook)
	}
	before := maps.Clone(m.owners)
	m.owners[spot{index: 7}] = VIP{} // still there unless all is found out anew
	must(t, m.Set(all))
	if len(m.owners) != len(before)+1 {
		t.Error("found out anew where VIPs belong")
	}
	wantFirst := k.takeRequests()[0]
	if wantFirst != "add "+all[0].Address.String()+" on interface 2" {
		t.Errorf("the first request is %s", wantFirst)
	}
}
