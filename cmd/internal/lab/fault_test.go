package lab

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// lineOf returns two hosts and a pinger from the first to the second that works.
func lineOf(t *testing.T) (a, b *Host, p *Pinger) {
	t.Helper()
	_, hosts := newLab(t, 2)
	p = ping(t, hosts[0], hosts[1].Eth0.IPv4.Addr().String())
	waitAnswers(t, p)
	return hosts[0], hosts[1], p
}

func TestCutTakesTheCarrier(t *testing.T) {
	_, b, p := lineOf(t)
	must(t, b.Eth0.Cut())
	waitSilence(t, p)
	checkCarrier(t, b, netlink.OperDown)
	must(t, b.Eth0.Splice())
	waitAnswers(t, p)
	checkCarrier(t, b, netlink.OperUp)
}

func TestIsolateLeavesTheCarrier(t *testing.T) {
	_, b, p := lineOf(t)
	must(t, b.Eth0.Isolate())
	waitSilence(t, p)
	checkCarrier(t, b, netlink.OperUp)
	must(t, b.Eth0.Rejoin())
	waitAnswers(t, p)
}

func checkCarrier(t *testing.T, h *Host, want netlink.LinkOperState) {
	t.Helper()
	eventually(t, "eth0 is "+want.String(), func() bool {
		eth, err := h.ns.nl.LinkByName("eth0")
		must(t, err)
		return eth.Attrs().OperState == want
	})
}

func TestMuteAndDeafenDropOneDirection(t *testing.T) {
	NeedNft(t)
	tests := map[string]struct {
		fault      func(*Link) error
		heard, got bool // does b hear a, does a hear b
	}{
		"mute":   {(*Link).Mute, true, false},
		"deafen": {(*Link).Deafen, false, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, b, p := lineOf(t)
			back := ping(t, b, a.Eth0.IPv4.Addr().String())
			waitAnswers(t, back)
			must(t, tt.fault(b.Eth0))
			waitSilence(t, p)
			waitSilence(t, back)
			checkFlow(t, a, b, tt.heard)
			checkFlow(t, b, a, tt.got)
			must(t, b.Eth0.Restore())
			waitAnswers(t, p)
			waitAnswers(t, back)
		})
	}
}

// checkFlow reports whether a host's interface counts frames that another sends.
func checkFlow(t *testing.T, from, to *Host, want bool) {
	t.Helper()
	p := ping(t, from, to.Eth0.IPv4.Addr().String())
	defer p.Close()
	before := received(t, to)
	eventually(t, "50 requests are sent", func() bool { return p.Since(p.start).Sent >= 50 })
	if flows := received(t, to) >= before+40; flows != want {
		t.Errorf("frames from %s reach %s: %v, want %v", from.Name, to.Name, flows, want)
	}
}

func received(t *testing.T, h *Host) uint64 {
	t.Helper()
	eth, err := h.ns.nl.LinkByName("eth0")
	must(t, err)
	return eth.Attrs().Statistics.RxPackets
}

func TestRestoreWithoutAFault(t *testing.T) {
	NeedNft(t)
	_, b, p := lineOf(t)
	must(t, b.Eth0.Restore())
	waitAnswers(t, p)
}

func TestRemoveAndInsert(t *testing.T) {
	_, b, p := lineOf(t)
	must(t, b.Eth0.Remove())
	if _, err := b.ns.nl.LinkByName("eth0"); err == nil {
		t.Error("eth0 is still there")
	}
	must(t, b.Eth0.Insert())
	waitAnswers(t, p)
}

func TestPingerMeasuresACut(t *testing.T) {
	begin := time.Now()
	_, b, p := lineOf(t)
	from := time.Now()
	must(t, b.Eth0.Cut())
	cut := time.Now()
	eventually(t, "50 requests are lost", func() bool { return p.Since(cut).Lost >= 50 })
	spliced := time.Now()
	must(t, b.Eth0.Splice())
	waitAnswers(t, p)
	out := p.Since(from)
	if least, most := spliced.Sub(cut), time.Since(begin); out.Gap < least || out.Gap > most {
		t.Errorf("gap of %s, want one from %s to %s", out.Gap, least, most)
	}
	if out.Lost < 50 || out.Lost >= out.Sent {
		t.Errorf("%d of %d requests lost", out.Lost, out.Sent)
	}
}
