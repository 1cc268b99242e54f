package fence

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// bypass is a program of somebody else that lets all packets pass for good.
func bypass(t testing.TB) *ebpf.Program {
	t.Helper()
	p, err := load("bypass", asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()})
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func (w *wire) run(command string) {
	w.Helper()
	words := strings.Fields(command)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		w.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// filter adds a filter to eth0 in both directions.
func (w *wire) filter(priority uint16, handle uint32, p *ebpf.Program) {
	w.Helper()
	for _, d := range directions {
		must(w, w.here.FilterAdd(&netlink.BpfFilter{
			FilterAttrs: netlink.FilterAttrs{
				LinkIndex: w.link("eth0").Attrs().Index, Parent: d.parent(),
				Handle: handle, Priority: priority, Protocol: unix.ETH_P_ALL,
			},
			Fd: p.FD(), Name: "bypass", DirectAction: true,
		}))
	}
}

// filters are the names of those of an interface, in their order.
func (w *wire) filters(name string, d direction) string {
	w.Helper()
	traffic, err := openTraffic()
	must(w, err)
	defer traffic.close()
	list, err := traffic.filters(w.link(name).Attrs().Index, d)
	must(w, err)
	var names []string
	for _, f := range list {
		names = append(names, f.kind+":"+f.name)
	}
	return strings.Join(names, " ")
}

func (w *wire) wantFilters(name, want string) {
	w.Helper()
	for _, d := range directions {
		if got := w.filters(name, d); got != want {
			w.Errorf("%s %s has filters %q, want %q", name, d, got, want)
		}
	}
}

// tcx is the programs of eth0.
func (w *wire) tcx(d direction) []link.AttachedProgram {
	w.Helper()
	list, err := tcxList(w.link("eth0").Attrs().Index, d)
	must(w, err)
	return list.Programs
}

func (w *wire) wantTCX(number int) {
	w.Helper()
	for _, d := range directions {
		if got := w.tcx(d); len(got) != number {
			w.Errorf("tcx programs at %s: %v, want %d", d, got, number)
		}
	}
}

// A later filter of the same priority is the first to see the packets.
func TestFilterInFront(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	w.filter(filterPriority, 1, bypass(t))
	w.wantFilters("eth0", "bpf:bypass bpf:perch")
	w.wantAnswers(true, theVIP4) // so the foreign one matters
	must(t, b.Audit())
	w.wantAnswers(false, theVIP4, theVIP6)
	w.wantFilters("eth0", "bpf:bypass bpf:perch")
	w.wantTCX(1)
	must(t, b.Audit())
	w.wantTCX(1)
	must(t, b.Set(bootTime(t)+time.Hour))
	w.wantAnswers(true, theVIP4, theVIP6)
}

// Without tcx our filter gets before another of its priority.
func TestRaise(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	for round := range uint32(3) {
		w.filter(filterPriority, 1+round, bypass(t))
		for _, d := range directions {
			s := b.side(w.link("eth0"), d)
			p, err := b.secureFilter(s)
			must(t, err)
			must(t, b.raise(s, p))
		}
		w.wantFilters("eth0", "bpf:perch"+strings.Repeat(" bpf:bypass", int(round+1)))
		w.wantAnswers(false, theVIP4, theVIP6)
	}
}

func TestOtherKindInOurPlace(t *testing.T) {
	w := newWire(t)
	w.run("tc qdisc add dev eth0 clsact")
	for _, d := range directions {
		w.run("tc filter add dev eth0 " + string(d) + " prio 1 protocol ip u32 match u32 0 0 flowid 1:1")
	}
	b := w.fence()
	w.wantTCX(1)
	w.wantAnswers(false, theVIP4, theVIP6)
	must(t, b.Audit())
	must(t, b.Guard(w.link("eth0").Attrs().Index))
}

func TestOldIngressQdisc(t *testing.T) {
	w := newWire(t)
	w.run("tc qdisc add dev eth0 ingress")
	b := w.fence()
	w.wantAnswers(false, theVIP4, theVIP6)
	w.wantAnswers(true, theNode4)
	must(t, b.Audit())
	if got := w.filters("eth0", ingress); got != "bpf:perch" {
		t.Errorf("filters at ingress: %s", got)
	}
	must(t, b.Set(bootTime(t)+time.Hour))
	w.wantAnswers(true, theVIP4, theVIP6)
}

func TestSharedBlock(t *testing.T) {
	w := newWire(t)
	w.run("tc qdisc add dev eth0 ingress_block 21 egress_block 22 clsact")
	w.run("tc qdisc add dev lo ingress_block 21 egress_block 22 clsact")
	b := w.fence()
	w.wantAnswers(false, theVIP4, theVIP6)
	must(t, b.Set(bootTime(t)+time.Hour))
	w.wantAnswers(true, theVIP4, theVIP6)
}

func (w *wire) attachTCX(p *ebpf.Program) {
	w.Helper()
	for _, d := range directions {
		must(w, tcxAttach(w.link("eth0").Attrs().Index, d, p))
	}
}

func TestTCXInFront(t *testing.T) {
	w := newWire(t)
	b := w.open()
	foreign := bypass(t)
	w.attachTCX(foreign)
	w.wantAnswers(true, theVIP4)
	must(t, b.Audit())
	w.wantAnswers(false, theVIP4, theVIP6)
	w.wantTCX(2)

	// And again in front.
	w.attachTCX(bypass(t))
	w.wantAnswers(true, theVIP4)
	must(t, b.Audit())
	w.wantAnswers(false, theVIP4, theVIP6)
	w.wantTCX(3)

	must(t, b.Close())
	w.wantTCX(2)
	w.wantFilters("eth0", "")
	w.wantAnswers(true, theVIP4, theVIP6)
}

// Where no more program can be attached, the audit says what is in the way.
func TestAuditGivesUp(t *testing.T) {
	w := newWire(t)
	f, err := New(BPF, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, f.Protect(hostVIPs()))
	defer func() { must(t, f.Close()) }()
	var foreign []*ebpf.Program
	for range 63 { // as many as the kernel takes
		foreign = append(foreign, bypass(t))
		w.attachTCX(foreign[len(foreign)-1])
	}
	ctx, cancel := context.WithCancel(t.Context())
	var changes atomic.Int32
	ended := make(chan error)
	go func() { ended <- f.Run(ctx, func() { changes.Add(1) }) }()
	eventually(t, "there is trouble", func() bool { return f.Trouble() != nil })
	for _, d := range directions {
		want := fmt.Sprintf(`interface eth0, %s: tcx program \d+ bypass is in front of the fence; attach by tcx: .+`, d)
		if got := f.Trouble().Error(); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("trouble %q, want %q in it", got, want)
		}
	}
	index := w.link("eth0").Attrs().Index
	if err := f.Guard(index); err == nil {
		t.Error("the interface is guarded")
	}
	if got := f.Mended(); got != (Mended{}) {
		t.Errorf("what could not be mended counts: %+v", got)
	}
	for _, d := range directions {
		must(t, tcxDetach(index, d, foreign[0]))
	}
	eventually(t, "there is no trouble any more", func() bool { return f.Trouble() == nil })
	if got := f.Mended(); got.Count != 1 || got.Interface != "eth0" {
		t.Errorf("after the trouble: %+v", got)
	}
	must(t, f.Guard(index))
	cancel()
	must(t, <-ended)
	if got := changes.Load(); got != 2 {
		t.Errorf("%d changes, want 2", got)
	}
}

// What Watch hears of makes Run fence it.
func TestRunFollows(t *testing.T) {
	w := newWire(t)
	f, err := New(BPF, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, f.Protect(hostVIPs()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx, func() { t.Error("trouble") }) }()
	w.pair("eth1", "eth2")
	w.run("tc qdisc del dev eth0 clsact")
	for _, name := range []string{"eth0", "eth1", "eth2"} {
		for _, d := range directions {
			eventually(t, name+" is fenced", func() bool { return w.filters(name, d) == "bpf:perch" })
		}
	}
	cancel()
	must(t, <-ended)
	must(t, f.Close())
	w.wantFilters("eth1", "")
}

// An interface that goes while it is looked at is no error.
func TestInterfaceVanishes(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	w.pair("eth1", "eth2")
	gone := w.link("eth1")
	w.run("ip link del eth1")
	must(t, b.attend(gone, ""))
	must(t, b.attend(gone, "bridge"))
	if b.state[gone.Attrs().Index] == fenced {
		t.Error("it counts as fenced")
	}
}

// A predecessor that had to use tcx leaves its program there, too.
func TestPredecessorAtTCX(t *testing.T) {
	w := newWire(t)
	first := w.open()
	w.attachTCX(bypass(t))
	must(t, first.Audit())
	w.attachTCX(bypass(t))
	must(t, first.Audit())
	must(t, first.release()) // as if it were killed
	w.wantTCX(3)
	w.wantAnswers(false, theVIP4)

	second := w.fence()
	w.wantTCX(3)
	w.wantAnswers(false, theVIP4)
	must(t, second.Set(bootTime(t)+time.Hour))
	w.wantAnswers(true, theVIP4, theVIP6)
}

func TestAuditMends(t *testing.T) {
	for _, c := range []struct{ name, harm string }{
		{"qdisc", "tc qdisc del dev eth0 clsact"},
		{"filter", "tc filter del dev eth0 ingress"},
		{"other filter", "tc filter del dev eth0 egress"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWire(t)
			b := w.fence()
			w.run(c.harm)
			must(t, b.Audit())
			w.wantFilters("eth0", "bpf:perch")
			w.wantAnswers(false, theVIP4, theVIP6)
		})
	}
}

// What others have hung there stays, in its order.
func TestForeignStays(t *testing.T) {
	w := newWire(t)
	w.run("tc qdisc add dev eth0 clsact")
	w.filter(5, 1, bypass(t))
	b := w.open()
	w.wantFilters("eth0", "bpf:perch bpf:bypass")
	w.wantTCX(0)
	must(t, b.Close())
	w.wantFilters("eth0", "bpf:bypass")
}

// pair adds another veth pair here.
func (w *wire) pair(name, peer string) {
	w.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	must(w, w.here.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer}))
}

func TestGuard(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	w.pair("eth1", "eth2")
	w.wantFilters("eth1", "")
	must(t, b.Guard(w.link("eth1").Attrs().Index))
	w.wantFilters("eth1", "bpf:perch")
	w.wantFilters("eth2", "")
	if err := b.Guard(4711); err == nil {
		t.Error("an interface that is not there is guarded")
	}
}

func TestAuditFollowsInterfaces(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	w.pair("eth1", "eth2")
	must(t, b.Audit())
	w.wantFilters("eth1", "bpf:perch")
	w.run("ip link set eth1 name wan")
	must(t, b.Audit())
	w.wantFilters("wan", "bpf:perch")
	w.run("ip link del wan")
	must(t, b.Audit())
	if len(b.state) != 2 { // lo and eth0
		t.Errorf("known are %v", b.state)
	}
}

func TestBridgePort(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	w.pair("eth1", "eth2")
	w.run("ip link add br0 type bridge")
	must(t, b.Audit())
	w.wantFilters("eth1", "bpf:perch")
	w.run("ip link set eth1 master br0")
	must(t, b.Audit())
	w.wantFilters("eth1", "")
	w.wantFilters("br0", "bpf:perch")
	err := b.Guard(w.link("eth1").Attrs().Index)
	if err == nil || !strings.Contains(err.Error(), "port of a bridge") {
		t.Errorf("guard a port: %v", err)
	}
	w.run("ip link set eth1 nomaster")
	must(t, b.Guard(w.link("eth1").Attrs().Index))
	w.wantFilters("eth1", "bpf:perch")
}

// What an interface has joined is fenced before the interface is left alone.
func TestBridgeBeforePort(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	said := &bytes.Buffer{}
	b.log = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.run("ip link add br0 type bridge")
	w.run("ip link set eth0 master br0")
	must(t, b.Audit())
	bridge := strings.Index(said.String(), "interface=br0 state=fenced")
	port := strings.Index(said.String(), `interface=eth0 state="left alone"`)
	if bridge < 0 || port < bridge {
		t.Errorf("done was:\n%s", said)
	}
}

// A port that a predecessor fenced when it was none is freed at the start.
func TestBridgePortOfPredecessor(t *testing.T) {
	w := newWire(t)
	w.pair("eth1", "eth2")
	must(t, w.open().release())
	w.run("ip link add br0 type bridge")
	w.run("ip link set eth1 master br0")
	w.wantFilters("eth1", "bpf:perch")
	w.fence()
	w.wantFilters("eth1", "")
}

func TestWatch(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	ctx, cancel := context.WithCancel(t.Context())
	changed, ended := make(chan struct{}, 1000), make(chan error, 1)
	go func() { // on a thread in another namespace
		ended <- b.Watch(ctx, func() { changed <- struct{}{} })
	}()
	eventually(t, "it listens", func() bool {
		w.run("ip link set eth0 alias x")
		return len(changed) > 0
	})
	for _, change := range []string{
		"ip link add eth1 type veth peer name eth2",
		"tc filter del dev eth0 egress", "tc qdisc del dev eth0 clsact",
	} {
		time.Sleep(20 * time.Millisecond) // what came before
		for len(changed) > 0 {
			<-changed
		}
		w.run(change)
		eventually(t, change, func() bool { return len(changed) > 0 })
	}
	cancel()
	must(t, <-ended)
}
