package daemon

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
)

// inWords writes events in one line each.
func inWords(list []events.Event) []string {
	var lines []string
	for _, e := range list {
		line := string(e.Kind)
		for _, part := range []string{e.Subject, e.From + ">" + e.To, e.Reason, e.Error} {
			line += "|" + part
		}
		if e.Term > 0 {
			line += fmt.Sprintf("|%d", e.Term)
		}
		lines = append(lines, line)
	}
	return lines
}

func wantRecorded(t *testing.T, what string, got []events.Event, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, inWords(got)); diff != "" {
		t.Errorf("%s: -want +got:\n%s", what, diff)
	}
}

func TestTroublesComeAndGo(t *testing.T) {
	before, now := troubles{"a": "refused", "b": "slow", "c": "gone"}, troubles{"b": "slower", "d": "new"}
	looked := func(subject string) bool { return subject != "c" }
	wantRecorded(t, "troubles", now.news(before, events.CheckDown, events.CheckUp, looked),
		"check_up|a|>||", "check_up|c|>|it is not configured any more|", "check_down|d|>||new")
	wantRecorded(t, "at first", now.news(nil, events.CheckDown, events.CheckUp, looked), "check_down|b|>||slower", "check_down|d|>||new")
}

func TestCountsGrow(t *testing.T) {
	now := counts{"a": {5, "x"}, "b": {2, "y"}, "c": {1, ""}, "d": {1, "z"}}
	wantRecorded(t, "counts", now.news(counts{"a": {2, "w"}, "b": {2, "y"}, "d": {9, ""}}, events.VIPReadded),
		"vip_readded|a|>|3 times|x", "vip_readded|c|>||")
}

// A thousand at once are told as few, and none is left out without a word.
func TestManyAtOnce(t *testing.T) {
	now := troubles{}
	for i := range 1000 {
		now[fmt.Sprintf("%03d", i)] = ""
	}
	list := now.news(nil, events.VIPTrouble, events.VIPMended, always)
	if len(list) != most || list[most-1].Reason != "and 951 more" || list[most-1].Kind != events.VIPTrouble || list[most-2].Subject != "048" {
		t.Errorf("%d events, at the end %+v", len(list), list[len(list)-2:])
	}
	if list := limited(list); len(list) != most || list[most-1].Reason != "and 951 more" {
		t.Errorf("%d events", len(list))
	}
}

func memberAt(name string, port uint16, voter bool) cluster.Member {
	return cluster.Member{Name: name, Address: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port), Voter: voter}
}

func TestAssemblyChanges(t *testing.T) {
	lb1, lb2 := memberAt("lb1", 1, true), memberAt("lb2", 2, false)
	with := func(v cluster.View, members ...cluster.Member) cluster.View { v.Members = members; return v }
	led := cluster.View{Leader: "lb1", Term: 4, Quorum: true}
	unheard := cluster.View{Leader: "lb1", Term: 4}
	another := cluster.View{Leader: "lb2", Term: 5, Quorum: true}
	for name, tt := range map[string]struct {
		before, now cluster.View
		want        []string
	}{
		"at first":   {cluster.View{}, with(led, lb1), []string{"leader_known|edge|>lb1|||4", "quorum_gained|edge|>|||4"}},
		"the same":   {with(led, lb1), with(led, lb1), nil},
		"lost":       {led, unheard, []string{"leader_lost|edge|lb1>|||4", "quorum_lost|edge|>|||4"}},
		"another":    {led, another, []string{"leader_known|edge|lb1>lb2|||5"}},
		"again":      {led, cluster.View{Leader: "lb1", Term: 6, Quorum: true}, []string{"leader_known|edge|lb1>lb1|||6"}},
		"nobody":     {cluster.View{Term: 5}, cluster.View{Term: 6}, nil},
		"one more":   {with(led, lb1), with(led, lb1, lb2), []string{"member_added|lb2|>192.0.2.1:2 without a vote||"}},
		"a vote":     {with(led, lb1, lb2), with(led, lb1, memberAt("lb2", 2, true)), []string{"member_changed|lb2|192.0.2.1:2 without a vote>192.0.2.1:2||"}},
		"one less":   {with(led, lb1, lb2), with(led, lb1), []string{"member_removed|lb2|192.0.2.1:2 without a vote>||"}},
		"not known":  {with(led, lb1), led, nil},
		"not before": {led, with(led, lb1), nil},
	} {
		wantRecorded(t, name, assemblyOf(tt.now, well).news("edge", assemblyOf(tt.before, well)), tt.want...)
	}
	wantRecorded(t, "health", assemblyOf(led, sick).news("edge", assemblyOf(led, well)), "health_changed|edge|healthy>sick|||4")
}

func TestDrainsAreTold(t *testing.T) {
	wantRecorded(t, "drains", drainedOf([]string{"lb1", "lb3"}, []string{"lb1", "lb2"}), "node_drained|lb3|>||", "node_undrained|lb2|>||")
}

func TestFailingChecks(t *testing.T) {
	got := failing([]checker.Status{{Name: "a", State: checker.Failed, Verdict: "failed 3 of 3"}, {Name: "b", State: checker.Healthy}, {Name: "c", State: checker.Unknown}})
	if diff := cmp.Diff(troubles{"a": "failed 3 of 3"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAddressing(t *testing.T) {
	held := vip.Status{VIP: vip.VIP{Address: netip.MustParsePrefix("198.18.0.100/24")}, Held: true}
	claimed, readded, hurt := held, held, held
	claimed.Conflict = vip.Conflict{MAC: "02:00:00:00:00:01", Count: 3, Ongoing: true}
	readded.Readded = 2
	hurt.Held, hurt.Reason = false, "interface eth0 is down"
	over := claimed
	over.Conflict.Ongoing = false
	of := func(s ...vip.Status) addressing { return addressingOf(s) }
	wantRecorded(t, "conflict", of(claimed).news(of(held)), "vip_conflict|198.18.0.100/24|>||another host, with MAC 02:00:00:00:00:01, claims it")
	wantRecorded(t, "its end", of(over).news(of(claimed)), "vip_conflict_ended|198.18.0.100/24|>||")
	wantRecorded(t, "put back", of(readded).news(of(held)), "vip_readded|198.18.0.100/24|>|2 times|")
	wantRecorded(t, "trouble", of(hurt).news(of(held)), "vip_trouble|198.18.0.100/24|>||interface eth0 is down")
	wantRecorded(t, "mended", of(held).news(of(hurt)), "vip_mended|198.18.0.100/24|>||")
	wantRecorded(t, "taken out", of().news(of(hurt)), "vip_mended|198.18.0.100/24|>|it is not configured any more|")
	wantRecorded(t, "nothing", of(held).news(of(held)))
}

func TestDropped(t *testing.T) {
	dropped := droppedOf([]api.Notified{{Target: "a", Failed: 2, Dropped: 1}, {Target: "a", Dropped: 3}, {Target: "b", Told: 9}})
	wantRecorded(t, "dropped", dropped.news(counts{"a": {times: 1}}, events.NotifyDropped), "notify_dropped|a|>|3 times|")
}

func TestSpeaking(t *testing.T) {
	bgpd, peers := speaking(&api.BGP{Error: "no answer", Neighbors: []api.BGPNeighbor{{Address: "192.0.2.9", State: "Active"}, {Address: "192.0.2.8", Up: true}}})
	if bgpd["bgpd"] != "no answer" || len(peers) != 1 || peers["192.0.2.9"] != "it is Active" {
		t.Errorf("%v %v", bgpd, peers)
	}
	if bgpd, peers := speaking(nil); len(bgpd)+len(peers) > 0 {
		t.Errorf("without BGP: %v %v", bgpd, peers)
	}
}

// A warning that goes on is one, though it says for how long; of another VIP it is another.
func TestWarningsInOtherWords(t *testing.T) {
	before := warned([]string{"lb1 waits 2.9s, and holds nothing", "VIP 198.18.0.100 is not held"})
	now := warned([]string{"lb1 waits 1.2s, and holds nothing", "VIP 198.18.0.101 is not held"})
	wantRecorded(t, "warnings", raised(now, before),
		"warning_gone||>|VIP 198.18.0.100 is not held|", "warning_raised||>|VIP 198.18.0.101 is not held|")
}

func TestNotices(t *testing.T) {
	server := netip.MustParseAddrPort("10.0.0.11:80")
	for want, n := range map[string]notify.Event{
		"router_state|gw|backup>master|why|":                            {Kind: notify.Master, Before: notify.Backup, Subject: aboutRouter("gw"), Reason: "why"},
		"router_priority|gw|>90||":                                      {Kind: notify.BackupPriority, Subject: aboutRouter("gw"), Priority: 90},
		"router_rival|gw|>|another master of lower priority was heard|": {Kind: notify.MasterRxLowerPri, Subject: aboutRouter("gw")},
		"sync_group_state|g|master>fault||":                             {Kind: notify.Fault, Before: notify.Master, Subject: aboutGroup("g")},
		"server_down|web 10.0.0.11:80|>|refused|":                       {Kind: notify.ServerDown, Subject: notify.Subject{About: notify.Server, Name: "web", Server: server}, Reason: "refused"},
		"service_quorum_up|web|>||":                                     {Kind: notify.QuorumUp, Subject: aboutService("web")},
	} {
		e, is := noticed(&n)
		if got := inWords([]events.Event{e})[0]; !is || got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if e, is := noticed(&notify.Event{Kind: notify.Owner, Subject: notify.Subject{About: notify.Cluster, Name: "edge"}}); is {
		t.Errorf("%+v is recorded twice", e)
	}
}

func TestHistoricMoves(t *testing.T) {
	m := state.Move{Term: 3, From: "lb1", To: "lb2", Reason: "lost contact with lb1"}
	for known, want := range map[state.Estimate]string{
		state.Unknown: "lost contact with lb1",
		state.AtMost:  "lost contact with lb1; nobody held the VIPs for at most 123.5ms",
		state.About:   "lost contact with lb1; nobody held the VIPs for about 123.5ms",
	} {
		m.Outage = state.Outage{For: 123456789 * time.Nanosecond, Known: known}
		wantRecorded(t, string(known), []events.Event{historic("edge", &m)}, "ownership_moved|edge|lb1>lb2|"+want+"||3")
	}
	if got := moveOf(m); got.Outage != m.For || got.OutageKnown != string(m.Known) || !strings.Contains(got.Reason, "lost") {
		t.Errorf("%+v", got)
	}
}
