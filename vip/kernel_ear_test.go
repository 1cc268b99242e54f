package vip

import (
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestKernelFilter: what a packet socket hands over, and what it keeps to itself.
func TestKernelFilter(t *testing.T) {
	l := newLab(t)
	r := l.rival()
	s, err := openSockets()
	l.must(err)
	defer func() { l.must(s.Close()) }()
	eth0, _, err := kernel{transport: s}.Link("eth0")
	l.must(err)
	forAnother := answerARP(r.mac, test4)
	forAnother.dst = hwAddr{2, 0, 0, 0, 0, 9}
	tagged := answerARP(r.mac, test4)
	tagged.dst = eth0.mac
	vlan := tagged.appendTo(nil)
	vlan = append(append(vlan[:12:12], 0x81, 0, 0, 42), vlan[12:]...)
	noise := func() {
		l.must(sendOne(s, packet{eth0.index, unix.ETH_P_ARP, gratuitousARP(arpReply, eth0.mac, test4).appendTo(nil)}))
		l.must(sendOne(s, packet{eth0.index, unix.ETH_P_IPV6, unsolicitedNA(eth0.mac, test6, 0).appendTo(nil)}))
		r.says(unix.ETH_P_ARP, arpProbe(r.mac, test4).appendTo(nil))
		r.says(unix.ETH_P_ARP, forAnother.appendTo(nil))
		r.says(unix.ETH_P_8021Q, vlan)
		r.says(unix.ETH_P_IPV6, neighborQuestion(r.mac, testLinkLocal, test6).appendTo(nil))
	}
	claim := map[uint16][]byte{
		unix.ETH_P_ARP:  gratuitousARP(arpRequest, r.mac, test4).appendTo(nil),
		unix.ETH_P_IPV6: unsolicitedNA(r.mac, test6, 0).appendTo(nil),
	}
	deaf := func() {
		for etherType, frame := range claim {
			r.says(etherType, frame)
		}
	}
	deaf()
	l.must(s.Listen(heard()...))
	noise()
	for etherType, frame := range claim {
		r.says(etherType, frame)
		b := make([]byte, frameLimit)
		n, index, err := s.Hear(etherType, b)
		l.must(err)
		if index != eth0.index || string(b[:n]) != string(frame) {
			t.Errorf("heard on %d\n%x, want on %d\n%x", index, b[:n], eth0.index, frame)
		}
	}
	l.must(s.Listen())
	deaf()
	var waiting sync.WaitGroup
	for etherType := range claim {
		waiting.Go(func() {
			if n, _, err := s.Hear(etherType, make([]byte, frameLimit)); !errors.Is(err, os.ErrClosed) {
				t.Errorf("heard %d bytes (%v) while deaf, want none until it is interrupted", n, err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	s.Interrupt()
	waiting.Wait()
}

// TestHearAllocates: what the system call wrapper allocates, and nothing of ours.
func TestHearAllocates(t *testing.T) {
	l := newLab(t)
	r := l.rival()
	m := l.holding(Options{}, vips("198.18.0.100/24"))
	l.must(m.kernel.Listen(heard()...))
	frame := gratuitousARP(arpRequest, r.mac, test4).appendTo(nil)
	buffer := make([]byte, frameLimit)
	later := time.Now().Add(time.Hour)
	allocs := testing.AllocsPerRun(100, func() {
		r.says(unix.ETH_P_ARP, frame)
		n, index, err := m.kernel.Hear(unix.ETH_P_ARP, buffer)
		l.must(err)
		a, err := readAssertion(unix.ETH_P_ARP, buffer[:n])
		l.must(err)
		m.suspects(index, a, later)
	})
	if allocs > 2 {
		t.Errorf("a frame allocates %v times, want at most 2", allocs)
	}
	if m.suspected[suspect{m.configured[0], r.mac}] == 0 {
		t.Error("the frame was not taken for a claim")
	}
}

// BenchmarkHear takes in a claim of another host, from its frame in the socket to
// the suspect.
func BenchmarkHear(b *testing.B) {
	l := newLab(b)
	r := l.rival()
	all := many(1000)
	m := l.holding(Options{}, all)
	l.must(m.kernel.Listen(heard()...))
	for name, etherType := range map[string]uint16{"another address": 0, "a VIP": unix.ETH_P_ARP} {
		frame := gratuitousARP(arpRequest, r.mac, test4).appendTo(nil)
		if etherType != 0 {
			frame = gratuitousARP(arpRequest, r.mac, all[7].Address.Addr()).appendTo(nil)
		}
		b.Run(name, func(b *testing.B) {
			buffer := make([]byte, frameLimit)
			later := time.Now().Add(time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				r.says(unix.ETH_P_ARP, frame)
				b.StartTimer()
				n, index, err := m.kernel.Hear(unix.ETH_P_ARP, buffer)
				l.must(err)
				a, err := readAssertion(unix.ETH_P_ARP, buffer[:n])
				l.must(err)
				m.suspects(index, a, later)
			}
		})
	}
}

func sendOne(t transport, p packet) error {
	_, err := t.Send([]packet{p})
	return err
}
