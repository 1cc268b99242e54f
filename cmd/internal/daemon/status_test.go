package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
)

var (
	since     = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	testV     = vip.VIP{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"}
	threePeer = []config.Peer{
		{Name: "lb1", Address: netip.MustParseAddrPort("198.18.0.1:7400"), Priority: 100},
		{Name: "lb2", Address: netip.MustParseAddrPort("198.18.0.2:7400"), Priority: 90},
		{Name: "w", Address: netip.MustParseAddrPort("198.18.0.3:7400"), Priority: 100, Witness: true},
	}
)

// knowing is what lb2, a follower of lb1, knows.
func knowing() snapshot {
	return snapshot{
		config: &config.Config{
			Node:    config.Node{Name: "lb2"},
			Cluster: &config.Cluster{Name: "edge", Peers: threePeer, Heartbeat: 100 * time.Millisecond},
			VIPs:    []config.VIP{{Address: testV.Address, Interface: testV.Interface}},
		},
		version:  "1.0",
		fence:    fence.BPF,
		view:     cluster.View{Role: cluster.Follower, Term: 7, Leader: "lb1", Quorum: true, Voters: []string{"lb1", "lb2", "w"}},
		memory:   state.State{History: []state.Move{{Time: since, Term: 7, From: "lb2", To: "lb1", Reason: "lost contact with lb2"}}},
		vips:     []vip.Status{{VIP: testV}},
		fitness:  fitness{health: well, priority: 90},
		warnings: []string{"perch.toml:1:1: warning: odd"},
	}
}

// from returns what a node says of itself.
func from(node, owner string, term uint64, held bool, reason string) answer {
	role := "follower"
	if node == "lb1" {
		role = "leader"
	}
	return answer{report: api.NodeReport{
		Node: node, Version: "1.0", Role: role, Term: term, Leader: "lb1", Heartbeat: "100ms", Fence: "bpf",
		Health: &api.Health{State: api.HealthHealthy, Priority: 100},
		VIPs:   []api.VIP{{Address: "198.18.0.100/24", Interface: "eth0", Owner: owner, Held: held, Reason: reason, Since: since, Readded: 3}},
	}}
}

func healthy() map[string]answer {
	return map[string]answer{"lb1": from("lb1", "lb1", 7, true, ""), "w": from("w", "", 7, false, "")}
}

func TestStatusOfAHealthyCluster(t *testing.T) {
	got := knowing().status(healthy())
	node := func(name, address, role string, priority int, why string) api.Node {
		return api.Node{
			Name: name, Address: address, Role: role, Voter: true, Healthy: true, Priority: priority, Version: "1.0", Heartbeat: "100ms", Fence: "bpf",
			Health: "healthy", EffectivePriority: priority, Why: why,
		}
	}
	want := api.Status{
		Node: "lb2", Version: "1.0",
		Cluster: &api.Cluster{Name: "edge", State: "ok", Leader: "lb1", Term: 7, Quorum: true, Nodes: []api.Node{
			node("lb1", "198.18.0.1:7400", "leader", 100, "owns the VIPs: lost contact with lb2"),
			node("lb2", "198.18.0.2:7400", "follower", 90, "healthy, priority 90, would be next"),
			node("w", "198.18.0.3:7400", "witness", 100, "is a witness, which owns nothing"),
		}},
		VIPs:     []api.VIP{{Address: "198.18.0.100/24", Interface: "eth0", Owner: "lb1", Held: true, Since: since, Reason: "lost contact with lb2", Readded: 3}},
		Warnings: []string{"perch.toml:1:1: warning: odd"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStatusSaysWhy(t *testing.T) {
	unreachable := answer{err: errors.New("dial lb1: timeout")}
	tests := []struct {
		name    string
		change  func(*snapshot, map[string]answer)
		state   string
		owner   string
		held    bool
		reason  string
		warning string
	}{
		{
			"interface missing on the owner",
			func(_ *snapshot, a map[string]answer) {
				a["lb1"] = from("lb1", "lb1", 7, false, "interface eth0 is down")
			},
			"ok", "lb1", false, "interface eth0 is down", "VIP 198.18.0.100/24 is not held by lb1: interface eth0 is down",
		},
		{
			"owner not in the history yet",
			func(s *snapshot, _ map[string]answer) { s.memory, s.told = state.State{}, true },
			"ok", "lb1", true, "took over just now", "",
		},
		{
			"this node was just started",
			func(s *snapshot, _ map[string]answer) { s.memory = state.State{} },
			"ok", "lb1", true, "lb2 was just started, and is yet to be told why", "",
		},
		{
			"the owner lacks the VIP",
			func(_ *snapshot, a map[string]answer) {
				other := from("lb1", "lb1", 7, true, "")
				other.report.VIPs[0].Address = "198.18.0.101/24"
				a["lb1"] = other
			},
			"ok", "lb1", false, "lb1 does not have this VIP in its config", "is not held by lb1",
		},
		{
			"alone",
			func(s *snapshot, a map[string]answer) {
				s.view.Quorum = false
				a["lb1"], a["w"] = unreachable, unreachable
			},
			"no-quorum", "", false, "lb2 sees no majority; the last owner it knows of is lb1", "no majority: lb2 reaches 1 of 3 nodes",
		},
		{
			"this node has left",
			func(s *snapshot, a map[string]answer) {
				s.view = cluster.View{Role: cluster.Follower, Left: true, Waiting: "is no member of it any more: run `perch join` here"}
				a["lb1"], a["w"] = unreachable, unreachable
			},
			"left", "", false, "lb2 is no member of the cluster, and sees no owner",
			"lb2 does not take part in the cluster: it is no member of it any more: run `perch join` here",
		},
		{
			"the majority is lost for good",
			func(s *snapshot, a map[string]answer) {
				s.view.Quorum, s.view.Leader, s.view.Stuck = false, "", "only 1 of 3 nodes have the cluster's data: see `perch recover`"
				a["lb1"] = from("lb1", "", 7, false, "")
			},
			"no-quorum", "", false, "lb2 sees no majority; the last owner it knows of is lb1",
			"the cluster elects nobody any more: only 1 of 3 nodes have the cluster's data: see `perch recover`",
		},
		{
			"a newcomer",
			func(s *snapshot, a map[string]answer) {
				s.view = cluster.View{Role: cluster.Follower, Waiting: "waits for w: a cluster is founded once all are there"}
				a["lb1"], a["w"] = from("lb1", "", 0, false, ""), unreachable
			},
			"no-quorum", "", false, "lb2 sees no majority; the last owner it knows of is lb1",
			"lb2 does not take part in the cluster: it waits for w: a cluster is founded",
		},
		{
			"between leaders",
			func(s *snapshot, a map[string]answer) {
				s.view.Quorum, s.view.Leader = false, ""
				a["lb1"] = unreachable
			},
			"electing", "", false, "lb2 sees no majority; the last owner it knows of is lb1", "not answering: lb1",
		},
		{
			"a drained leader with nobody to hand over to",
			func(s *snapshot, a map[string]answer) {
				s.memory.Drained = []string{"lb1"}
				a["lb1"] = from("lb1", "", 7, false, "")
			},
			"ok", "", false, "lb1 leads and is drained", "",
		},
		{
			"leader about to take over",
			func(_ *snapshot, a map[string]answer) { a["lb1"] = from("lb1", "", 7, false, "") },
			"ok", "", false, "lb1 leads and is about to take over", "",
		},
		{
			"leader does not answer",
			func(_ *snapshot, a map[string]answer) { a["lb1"] = unreachable },
			"ok", "", false, "lb1 leads but does not answer", "not answering: lb1",
		},
		{
			"one heartbeat is another",
			func(_ *snapshot, a map[string]answer) {
				other := from("lb1", "lb1", 7, true, "")
				other.report.Heartbeat = "300ms"
				a["lb1"] = other
			},
			"ok", "lb1", true, "lost contact with lb2",
			"lb1 runs with heartbeat 300ms, lb2, w with 100ms: all nodes must have the same failover profile",
		},
		{
			"the asked node's heartbeat is another",
			func(s *snapshot, a map[string]answer) {
				s.config.Cluster.Heartbeat = time.Second
				a["w"] = unreachable
			},
			"ok", "lb1", true, "lost contact with lb2", "lb1 runs with heartbeat 100ms, lb2 with 1s: all nodes",
		},
		{
			"a peer cannot write its log",
			func(_ *snapshot, a map[string]answer) {
				full := from("w", "", 7, false, "")
				full.report.Trouble = "write raft.db: no space left on device"
				a["w"] = full
			},
			"ok", "lb1", true, "lost contact with lb2", "w cannot write its log: write raft.db: no space left on device",
		},
		{
			"a leader whose fence does not hold",
			func(_ *snapshot, a map[string]answer) {
				open := from("lb1", "", 7, false, "")
				open.report.Unfenced = "a filter of eth0 stands in front"
				a["lb1"] = open
			},
			"ok", "", false, "lb1 leads but its fence does not hold: a filter of eth0 stands in front",
			"lb1 may not hold VIPs, its fence does not hold: a filter of eth0 stands in front",
		},
		{
			"this node's fence does not hold",
			func(s *snapshot, _ map[string]answer) { s.unfenced = errors.New("a filter of eth0 stands in front") },
			"ok", "lb1", true, "lost contact with lb2", "lb2 may not hold VIPs, its fence does not hold",
		},
		{
			"a leader that waits",
			func(_ *snapshot, a map[string]answer) {
				waiting := from("lb1", "", 7, false, "")
				waiting.report.Waits = "2.3s"
				a["lb1"] = waiting
			},
			"ok", "", false, "lb1 leads and waits 2.3s for addresses that linger at an earlier owner", "",
		},
		{
			"a node without a fence in its kernel",
			func(s *snapshot, _ map[string]answer) { s.fence = fence.Lifetime },
			"ok", "lb1", true, "lost contact with lb2", "fence lifetime on lb2: the VIPs of a dead or frozen owner answer for up to 3.1 s",
		},
		{
			"a node that cannot have a stronger fence",
			func(s *snapshot, _ map[string]answer) {
				s.fence, s.weaker = fence.NFTables, errors.New("bpf fence: no")
			},
			"ok", "lb1", true, "lost contact with lb2", "fence nftables is what auto takes on lb2, a stronger one cannot be had: bpf fence: no",
		},
		{
			"a VIP whose interface is down",
			func(_ *snapshot, a map[string]answer) {
				a["lb1"] = from("lb1", "lb1", 7, true, "interface eth0 is down")
			},
			"ok", "lb1", true, "interface eth0 is down",
			"VIP 198.18.0.100/24 is held by lb1 but cannot be reached: interface eth0 is down",
		},
		{
			"interface missing on a standby",
			func(s *snapshot, _ map[string]answer) { s.vips[0].Reason = "interface eth9 does not exist" },
			"ok", "lb1", true, "lost contact with lb2",
			"VIP 198.18.0.100/24 cannot be held by lb2: interface eth9 does not exist",
		},
		{
			"interface missing on a witness, which needs none",
			func(_ *snapshot, a map[string]answer) {
				a["w"] = from("w", "", 7, false, "interface eth0 does not exist")
			},
			"ok", "lb1", true, "lost contact with lb2", "",
		},
		{
			"two owners",
			func(_ *snapshot, a map[string]answer) { a["w"] = from("w", "w", 6, true, "") },
			"ok", "lb1", true, "lost contact with lb2", "lb1 and w say that they own the VIPs at once",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, answers := knowing(), healthy()
			tt.change(&s, answers)
			got := s.status(answers)
			v := got.VIPs[0]
			if got.Cluster.State != tt.state || v.Owner != tt.owner || v.Held != tt.held || v.Reason != tt.reason {
				t.Errorf("state %q, VIP %+v", got.Cluster.State, v)
			}
			found := slices.ContainsFunc(got.Warnings, func(w string) bool { return strings.Contains(w, tt.warning) })
			if tt.warning != "" && !found {
				t.Errorf("warnings %q, want %q among them", got.Warnings, tt.warning)
			}
			if tt.warning == "" && len(got.Warnings) != 1 {
				t.Errorf("warnings %q, want only the config's", got.Warnings)
			}
		})
	}
}

// A node whose disk is full answers, and is not well.
func TestNodeThatCannotWriteItsLog(t *testing.T) {
	s := knowing()
	s.view.Trouble = "write raft.db: no space left on device"
	got := s.status(healthy())
	node := got.Cluster.Nodes[1]
	if node.Healthy || node.Role != "follower" || node.Error != "cannot write its log: write raft.db: no space left on device" {
		t.Errorf("%+v", node)
	}
	if want := []string{"lb2 cannot write its log: write raft.db: no space left on device", "perch.toml:1:1: warning: odd"}; !slices.Equal(got.Warnings, want) {
		t.Errorf("warnings %q, want %q", got.Warnings, want)
	}
	s.view.Quorum = false
	if got := s.status(healthy()).Cluster.State; got != api.StateElecting {
		t.Errorf("state %q although all nodes answer", got)
	}
}

// A node whose control socket is gone is told of by itself and by the others.
func TestNodeThatCannotBeCommanded(t *testing.T) {
	const why = "its file is gone and cannot be made anew: mkdir /run/perch: read-only file system"
	s, answers := knowing(), healthy()
	other := answers["lb1"]
	other.report.Deaf = why
	answers["lb1"] = other
	s.deaf = why
	got := s.status(answers).Warnings
	for _, node := range []string{"lb1", "lb2"} {
		want := node + " cannot be commanded, its control socket is not there: " + why
		if n := len(slices.DeleteFunc(slices.Clone(got), func(w string) bool { return w != want })); n != 1 {
			t.Errorf("%d warnings %q of %q", n, want, got)
		}
	}
	if s.report().Deaf != why {
		t.Error("the others are not told")
	}
}

func TestStatusLine(t *testing.T) {
	leader := cluster.View{Role: cluster.Leader, Term: 7, Leader: "lb1", Quorum: true}
	follower := cluster.View{Role: cluster.Follower, Term: 7, Leader: "lb1", Quorum: true}
	tests := []struct {
		view    cluster.View
		s       situation
		holding bool
		vips    int
		want    string
	}{
		{leader, situation{}, true, 1, "owner of 1 VIP, term 7"},
		{leader, situation{}, true, 2, "owner of 2 VIPs, term 7"},
		{leader, situation{}, false, 1, "leads, but holds no VIP yet, term 7"},
		{leader, situation{drained: true}, false, 1, "leads, but is drained and holds no VIP, term 7"},
		{leader, situation{unfenced: true}, false, 1, "leads, but its fence does not hold and it holds no VIP, term 7"},
		{leader, situation{witness: true}, false, 1, "leads, but is a witness and holds no VIP, term 7"},
		{follower, situation{}, false, 1, "standby, lb1 leads, term 7"},
		{follower, situation{drained: true}, false, 1, "standby, lb1 leads, term 7"},
		{cluster.View{Role: cluster.Follower, Left: true}, situation{}, false, 1, "no member of the cluster any more, perch join to come back"},
		{cluster.View{Role: cluster.Leader, Term: 7, Leader: "lb1"}, situation{drained: true}, false, 1, "no majority, no VIP is held"},
	}
	for _, tt := range tests {
		if got := standing(tt.view, tt.s, tt.holding, tt.vips); got != tt.want {
			t.Errorf("%+v, %+v, holding %t: %q, want %q", tt.view, tt.s, tt.holding, got, tt.want)
		}
	}
}

// What became of the fences of this node and of others is passed on.
func TestStatusOfFences(t *testing.T) {
	s, answers := knowing(), healthy()
	s.mended = fence.Mended{Count: 3, Last: since, Interface: "eth0", Found: "its qdisc deleted"}
	s.unfenced = errors.New("no memory")
	theirs := from("lb1", "lb1", 7, true, "")
	s.view.Stalls = cluster.Stalls{Count: 2, Last: since, Longest: time.Second}
	theirs.report.Mended = &api.Mended{Count: 1, Last: since, Found: "its nftables tables changed"}
	answers["lb1"] = theirs
	nodes := s.status(answers).Cluster.Nodes
	if diff := cmp.Diff(theirs.report.Mended, nodes[0].Mended); diff != "" || nodes[0].Unfenced != "" || !nodes[0].Healthy {
		t.Errorf("of another node: %+v\n%s", nodes[0], diff)
	}
	want := &api.Mended{Count: 3, Last: since, Interface: "eth0", Found: "its qdisc deleted"}
	if diff := cmp.Diff(want, nodes[1].Mended); diff != "" || nodes[1].Unfenced != "no memory" || nodes[1].Healthy {
		t.Errorf("of this node: %+v\n%s", nodes[1], diff)
	}
	if diff := cmp.Diff(&api.Stalls{Count: 2, Last: since, Longest: time.Second}, nodes[1].Stalls); diff != "" || nodes[2].Stalls != nil {
		t.Errorf("stalls (-want +got):\n%s", diff)
	}
	if nodes[2].Mended != nil {
		t.Errorf("where nothing was mended: %+v", nodes[2].Mended)
	}
}

// What the owner heard of another host is passed on, and an alarm while it goes on.
func TestStatusOfAConflict(t *testing.T) {
	s := knowing()
	s.holding = true
	s.vips = []vip.Status{{VIP: testV, Held: true, Conflict: vip.Conflict{MAC: "02:00:00:00:00:66", Count: 3, Last: since, Ongoing: true}}}
	answers := healthy()
	answers["lb1"] = answer{report: s.report()}
	answers["lb1"].report.VIPs[0].Owner = "lb1"
	const alarm = "VIP 198.18.0.100/24 is claimed by another host, too, with MAC 02:00:00:00:00:66: find it and take the address from it"
	for _, ongoing := range []bool{true, false} {
		want := &api.Conflict{MAC: "02:00:00:00:00:66", Count: 3, Last: since, Ongoing: ongoing}
		answers["lb1"].report.VIPs[0].Conflict.Ongoing = ongoing
		got := knowing().status(answers)
		if diff := cmp.Diff(want, got.VIPs[0].Conflict); diff != "" {
			t.Error(diff)
		}
		if slices.Contains(got.Warnings, alarm) != ongoing {
			t.Errorf("ongoing %t: warnings %q", ongoing, got.Warnings)
		}
	}
}

func TestReportOfAnOwner(t *testing.T) {
	s := knowing()
	s.holding = true
	s.vips = []vip.Status{{VIP: testV, Held: true, Since: since, Readded: 3}}
	r := s.report()
	if v := r.VIPs[0]; v.Owner != "lb2" || !v.Held || !v.Since.Equal(since) || v.Readded != 3 {
		t.Errorf("%+v", v)
	}
}

func TestPendingNamesWhatNeedsARestart(t *testing.T) {
	running := knowing().config
	same := *running
	cluster := *running.Cluster
	cluster.Peers = slices.Clone(threePeer)
	slices.Reverse(cluster.Peers)
	same.Cluster = &cluster
	if got := pending(running, &same); len(got) != 0 {
		t.Errorf("the order of the peers counts as a change: %q", got)
	}
	other := same
	changed := cluster
	changed.Heartbeat = time.Second
	changed.Peers = threePeer[:2]
	other.Cluster = &changed
	other.Node.Socket = "/elsewhere"
	got := strings.Join(pending(running, &other), "\n")
	for _, want := range []string{"node.socket has changed", "all nodes must have the same one", "cluster.peer has"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}
