package fence

import (
	"os/exec"
	"testing"

	"github.com/vishvananda/netlink"
)

// A trial leaves the namespace of the caller as it was, and finds both fences where the
// tests find them.
func TestTrial(t *testing.T) {
	newNetwork(t)
	found, err := Trial()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []Kind{BPF, NFTables} {
		if err, tried := found[kind]; err != nil || !tried {
			t.Errorf("%s: %v, tried %v", kind, err, tried)
		}
	}
	if out, err := exec.Command("nft", "list", "tables").Output(); err != nil || len(out) > 0 {
		t.Errorf("tables are left: %s, %v", out, err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if qdiscs, err := netlink.QdiscList(lo); err != nil || len(qdiscs) > 0 && qdiscs[0].Type() == "clsact" {
		t.Errorf("qdiscs are left: %v, %v", qdiscs, err)
	}
}

// What others have in front is found, and what is ours is not.
func TestFindAhead(t *testing.T) {
	newNetwork(t)
	run := func(arguments ...string) {
		t.Helper()
		if out, err := exec.Command(arguments[0], arguments[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", arguments, err, out)
		}
	}
	find := func() []Ahead {
		t.Helper()
		all, err := FindAhead()
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0")
	run("ip", "link", "set", "eth0", "up")
	if all := find(); len(all) > 0 {
		t.Errorf("at first there is %v", all)
	}
	run("tc", "qdisc", "add", "dev", "eth0", "clsact")
	pass := []string{"bpf", "da", "bytecode", "1,6 0 0 0,"}
	run(append([]string{"tc", "filter", "add", "dev", "eth0", "ingress", "pref", "2"}, pass...)...)
	if all := find(); len(all) > 0 {
		t.Errorf("what comes later is %v", all)
	}
	run(append([]string{"tc", "filter", "add", "dev", "eth0", "egress", "pref", "1"}, pass...)...)
	all := find()
	if len(all) != 1 || all[0].Interface != "eth0" || all[0].Direction != "egress" || all[0].What != "filter bpf of priority 1" {
		t.Errorf("found %v", all)
	}
	run("ip", "link", "add", "br0", "type", "bridge")
	run("ip", "link", "set", "eth0", "master", "br0")
	if all := find(); len(all) > 0 {
		t.Errorf("of a port of a bridge, which is not fenced, there is %v", all)
	}
}
