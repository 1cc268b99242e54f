package vrrp

import (
	"slices"
	"testing"
	"time"
)

// kinds are set-ups whose packets are fuzzed.
var kinds = []func(*WireConfig){
	alike, unicast, overIPv6, version2, passwords, behindAH, signed,
	func(c *WireConfig) { signed(c); overIPv6(c) },
	func(c *WireConfig) { behindAH(c); unicast(c) },
	func(c *WireConfig) { version2(c); overIPv6(c) },
	without,
	func(c *WireConfig) { signed(c); without(c) },
}

// memory is what a Wire remembers from packets, but for whom it has heard.
func (w *Wire) memory() (sequence uint32, ahs, stamps []mark, peers []peer) {
	return w.sequence, slices.Clone(w.ahs.slots), slices.Clone(w.stamps.slots), slices.Clone(w.peers)
}

// Any bytes may come. What is heeded is an advert for this router, and what is refused
// leaves no trace.
func FuzzJudge(f *testing.F) {
	for i, kind := range kinds {
		_, theirs := wires(kind)
		p := theirs.say(100)
		f.Add(p.Payload, p.TTL, p.Protocol, uint8(i))
		f.Add(p.Payload[:len(p.Payload)-1], p.TTL, p.Protocol, uint8(i))
		f.Add([]byte{}, p.TTL, p.Protocol, uint8(i))
	}
	f.Fuzz(func(t *testing.T, payload []byte, ttl, proto, kind uint8) {
		ours, theirs := wires(kinds[int(kind)%len(kinds)])
		p := theirs.say(100)
		if len(payload) > 1480 {
			return
		}
		p.Payload, p.TTL, p.Protocol = payload, ttl, proto
		if p.Header != nil {
			total := len(payload) + 20
			p.Header[2], p.Header[3] = byte(total>>8), byte(total)
		}
		sequence, ahs, stamps, peers := ours.memory()
		advert, drop := ours.Judge(p, noon)
		ours.Record(time.Hour)
		if s, due := ours.Due(time.Hour); due && s.Explain(ours.cfg) == "" {
			t.Errorf("%s is due, and nothing is to be said", drop)
		}
		if drop != 0 {
			sequence2, ahs2, stamps2, peers2 := ours.memory()
			if sequence != sequence2 || !slices.Equal(ahs, ahs2) || !slices.Equal(stamps, stamps2) || !slices.EqualFunc(peers, peers2, samePeer) {
				t.Errorf("%s, and it is remembered", drop)
			}
			return
		}
		if advert.VRID != 51 || advert.Version != ours.cfg.Version || advert.Interval == 0 || len(advert.Addresses) == 0 && len(ours.own.Addresses) > 0 || advert.Auth != ours.own.Auth {
			t.Errorf("heeded %+v", advert)
		}
		if (ours.ah != nil) != (proto == ahProtocol) {
			t.Errorf("heeded protocol %d", proto)
		}
	})
}

func samePeer(a, b peer) bool { return a.Peer == b.Peer && a.forms == b.forms }
