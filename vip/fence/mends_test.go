package fence

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// saying makes a logger and what it writes.
func saying() (*slog.Logger, *bytes.Buffer) {
	said := &bytes.Buffer{}
	return slog.New(slog.NewTextHandler(said, nil)), said
}

// What is mended is counted always, and logged a few times in a period.
func TestMendsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, said := saying()
		m := &fakeMechanism{}
		f := &Fence{kind: BPF, log: log, kernel: m}
		if got := f.Mended(); got != (Mended{}) {
			t.Errorf("at first: %+v", got)
		}
		for range 100 {
			m.note(log, "eth0", "its qdisc deleted")
		}
		first := time.Now()
		if got, want := f.Mended(), (Mended{100, first, "eth0", "its qdisc deleted"}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if lines := strings.Count(said.String(), "the fence was mended"); lines != mendLines {
			t.Errorf("%d lines, want %d", lines, mendLines)
		}
		said.Reset()
		time.Sleep(mendPeriod)
		m.note(log, "", "its nftables tables changed")
		if got, want := f.Mended(), (Mended{101, first.Add(mendPeriod), "", "its nftables tables changed"}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if !strings.Contains(said.String(), "times=101") {
			t.Errorf("said %q", said)
		}
	})
	if got := (&Fence{kind: Off}).Mended(); got != (Mended{}) {
		t.Errorf("without a mechanism: %+v", got)
	}
}

// Whatever others do at both directions of an interface is one mend, and names them.
func TestMendsOfBPF(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(*wire)
		want string
	}{
		"qdisc":            {func(w *wire) { w.run("tc qdisc del dev eth0 clsact") }, "its qdisc deleted"},
		"filter":           {func(w *wire) { w.run("tc filter del dev eth0 egress") }, "its filter deleted"},
		"filter in front":  {func(w *wire) { w.filter(filterPriority, 1, bypass(w)) }, `filter bpf "bypass" of priority 1 in front of it`},
		"program in front": {func(w *wire) { w.attachTCX(bypass(w)) }, `tcx program \d+ bypass in front of it`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			b := w.fence()
			for round := range uint64(3) {
				c.harm(w)
				must(t, b.Audit())
				must(t, b.Audit())
				got := b.Mended()
				if got.Count != round+1 || got.Interface != "eth0" || !regexp.MustCompile("^"+c.want+"$").MatchString(got.Found) {
					t.Fatalf("round %d: %+v, want %q", round, got, c.want)
				}
				if strings.Contains(c.want, "filter bpf") {
					break // the next one is behind the program at tcx already
				}
			}
		})
	}
}

// Interfaces that come, go or join a bridge are everyday life, and so is what others
// have hung up before perch.
func TestNothingToMend(t *testing.T) {
	w := newWire(t)
	w.run("tc qdisc add dev eth0 clsact")
	w.filter(filterPriority, 1, bypass(t))
	b := w.fence()
	for _, change := range []string{
		"ip link add eth1 type veth peer name eth2", "ip link add br0 type bridge", "ip link set eth1 master br0",
		"ip link set eth1 nomaster", "ip link set eth1 name wan", "ip link set eth0 down", "ip link set eth0 up", "ip link del wan",
	} {
		w.run(change)
		must(t, b.Audit())
	}
	if got := b.Mended(); got != (Mended{}) {
		t.Errorf("%+v", got)
	}
}

func TestMendsOfNFTables(t *testing.T) {
	for change, want := range map[string]string{
		"flush ruleset":                 "its nftables tables changed: table inet perch: deleted",
		"delete table arp perch":        "its nftables tables changed: table arp perch: deleted",
		"flush chain netdev perch gate": "its nftables tables changed: table netdev perch: chain gate: 0 rules, not 2",
	} {
		t.Run(change, func(t *testing.T) {
			net := smallNetwork(t)
			n := openTables(t, slog.New(slog.DiscardHandler))
			net.must(n.Protect(hosts(vip4, vip6)))
			net.must(n.Audit())
			net.nft(change)
			net.must(n.Audit())
			net.must(n.Audit())
			if got := n.Mended(); got.Count != 1 || got.Found != want || got.Interface != "" {
				t.Errorf("%+v, want %q", got, want)
			}
		})
	}
}

// A Protect that meets deleted tables mends them, too.
func TestProtectMends(t *testing.T) {
	net := smallNetwork(t)
	n := openTables(t, slog.New(slog.DiscardHandler))
	net.must(n.Protect(hosts(vip4)))
	net.nft("flush ruleset")
	net.must(n.Protect(hosts(vip4, vip6)))
	if got := n.Mended(); got.Count != 1 || !strings.HasPrefix(got.Found, "its nftables tables changed: ") {
		t.Errorf("%+v", got)
	}
}

// A qdisc that goes between two looks of one audit is one mend, too.
func TestMendDuringTheLook(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	l, err := b.netlink.LinkByName("eth0")
	must(t, err)
	w.run("tc qdisc del dev eth0 clsact") // b.qdiscs is of before
	must(t, b.secure(l))
	must(t, b.Audit())
	if got := b.Mended(); got.Count != 1 || got.Found != "its filter deleted" {
		t.Errorf("%+v, want one mend of a filter", got)
	}
}

// By a Run that hears of it nothing is counted twice.
func TestRunMendsOnce(t *testing.T) {
	w := newWire(t)
	f, err := New(BPF, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, f.Protect(hostVIPs()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx, func() { t.Error("trouble") }) }()
	for round := range uint64(3) {
		w.run("tc qdisc del dev eth0 clsact")
		eventually(t, fmt.Sprint("mend ", round+1), func() bool {
			qdiscs, err := exec.Command("tc", "qdisc", "show", "dev", "eth0").Output()
			return err == nil && f.Mended().Count == round+1 && strings.Contains(string(qdiscs), "clsact")
		})
	}
	cancel()
	must(t, <-ended)
	if got := f.Mended().Count; got != 3 {
		t.Errorf("%d mends, want 3", got)
	}
	must(t, f.Close())
}
