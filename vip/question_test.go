package vip

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

var testLinkLocal = netip.MustParseAddr("fe80::5eff:fe10:2030")

// TestQuestionBytes: RFC 5227 section 2.1.1, and RFC 4861 section 4.3. The checksum
// comes from another implementation.
func TestQuestionBytes(t *testing.T) {
	arp := unhex(t, `
		ffffffffffff 02005e102030 0806
		0001 0800 06 04 0001
		02005e102030 00000000 000000000000 c6120064`)
	if diff := cmp.Diff(arp, arpProbe(testMAC, test4).appendTo(nil)); diff != "" {
		t.Errorf("ARP probe: (-want +got)\n%s", diff)
	}
	ns := unhex(t, `
		3333ff000100 02005e102030 86dd
		60000000 0020 3a ff
		fe8000000000000000005efffe102030 ff0200000000000000000001ff000100
		87 00 4de4 00000000
		20010db8000000000000000000000100
		01 01 02005e102030`)
	if diff := cmp.Diff(ns, neighborQuestion(testMAC, testLinkLocal, test6).appendTo(nil)); diff != "" {
		t.Errorf("solicitation: (-want +got)\n%s", diff)
	}
}

func TestNeighborQuestionAgainstOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mac, from, addr := drawMAC(rt, "mac"), draw6(rt, "from"), draw6(rt, "addr")
		f := neighborQuestion(mac, from, addr)
		group, err := ndp.SolicitedNodeMulticast(addr)
		if err != nil || f.to != group {
			rt.Fatalf("sent to %s, want %s (%v)", f.to, group, err)
		}
		want, err := ndp.MarshalMessageChecksum(&ndp.NeighborSolicitation{
			TargetAddress: addr,
			Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: net.HardwareAddr(mac[:])}},
		}, from, group)
		if err != nil {
			rt.Fatal(err)
		}
		if got := f.appendTo(nil)[etherHeader+ipv6Header:]; !bytes.Equal(got, want) {
			rt.Fatalf("message is\n%x, the oracle's is\n%x", got, want)
		}
	})
}

// TestQuestionsAssertNothing: a question of ours teaches nobody anything.
func TestQuestionsAssertNothing(t *testing.T) {
	if _, err := readAssertion(unix.ETH_P_ARP, arpProbe(testMAC, test4).appendTo(nil)); err != errNobodyKnown {
		t.Errorf("ARP probe: %v, want %v", err, errNobodyKnown)
	}
	if _, err := readAssertion(unix.ETH_P_IPV6, neighborQuestion(testMAC, testLinkLocal, test6).appendTo(nil)); err != errNotNA {
		t.Errorf("solicitation: %v, want %v", err, errNotNA)
	}
}

func TestLinkLocals(t *testing.T) {
	at := func(index int, prefix string, flags uint32) address {
		return address{index: index, prefix: netip.MustParsePrefix(prefix), flags: flags}
	}
	got := linkLocals([]address{
		at(2, "169.254.1.1/16", 0), at(2, "2001:db8::1/64", 0), at(2, "fe80::1/64", unix.IFA_F_DADFAILED),
		at(2, "fe80::2/64", unix.IFA_F_TENTATIVE), at(2, "fe80::3/64", 0), at(3, "fe80::4/64", 0), at(4, "2001:db8::4/64", 0),
	})
	want := map[int]netip.Addr{2: netip.MustParseAddr("fe80::2"), 3: netip.MustParseAddr("fe80::4")}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
