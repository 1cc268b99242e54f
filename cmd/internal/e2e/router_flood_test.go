package e2e

import (
	bin "encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
	"github.com/perch-vip/perch/vrrp"
)

// protocolVRRP is its number in IP packets.
const protocolVRRP = 112

// forger makes adverts that no router may heed, though they say the highest priority.
type forger struct {
	src4, src6 netip.Addr
	frames     [][]byte
	reasons    map[string]map[string]bool // that must be counted, by router
}

// forge keeps a packet and the reason for which a router is to refuse it.
func (f *forger) forge(router, reason string, mac lab.MAC, packet []byte) {
	f.frames = append(f.frames, frameOf(mac, packet))
	if reason == "" {
		return
	}
	if f.reasons[router] == nil {
		f.reasons[router] = map[string]bool{}
	}
	f.reasons[router][reason] = true
}

var (
	groupMAC4 = lab.MAC{1, 0, 0x5e, 0, 0, 0x12}
	groupMAC6 = lab.MAC{0x33, 0x33, 0, 0, 0, 0x12}
	forgerMAC = [6]byte{2, 0xbb, 0, 0, 0, 1}
)

func frameOf(to lab.MAC, packet []byte) []byte {
	kind := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		kind = unix.ETH_P_IPV6
	}
	frame := append(to[:], forgerMAC[:]...)
	return append(bin.BigEndian.AppendUint16(frame, kind), packet...)
}

// wire4 makes what a router would heed, but for what edit changes of its config.
func (f *forger) wire4(vrid uint8, edit func(*vrrp.WireConfig)) vrrp.WireConfig {
	cfg := vrrp.WireConfig{
		Version: vrrp.V3, VRID: vrid, Interval: 500 * time.Millisecond, Source: f.src4,
		Addresses: []netip.Addr{netip.MustParseAddr("198.18.0.101")},
	}
	if edit != nil {
		edit(&cfg)
	}
	return cfg
}

func version2With(auth vrrp.Auth, secret string) func(*vrrp.WireConfig) {
	return func(cfg *vrrp.WireConfig) {
		cfg.Version, cfg.Interval, cfg.Auth.Kind = vrrp.V2, time.Second, auth
		copy(cfg.Auth.Secret[:], secret)
	}
}

func signed(id uint8, key string) func(*vrrp.WireConfig) {
	return func(cfg *vrrp.WireConfig) {
		cfg.Auth.Keys, cfg.Auth.Active, cfg.Auth.Window = map[uint8][]byte{id: []byte(key)}, id, time.Minute
	}
}

// packet4 returns an IPv4 packet with edit applied, and a right sum of its header.
func packet4(cfg vrrp.WireConfig, dst netip.Addr, edit func(p []byte) []byte) []byte {
	p := vrrp.NewWire(cfg).Append(nil, dst, 254, time.Now())
	if edit != nil {
		p = edit(p)
	}
	return sealed4(p)
}

func sealed4(p []byte) []byte {
	bin.BigEndian.PutUint16(p[2:], uint16(len(p)))
	p[10], p[11] = 0, 0
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(bin.BigEndian.Uint16(p[i:]))
	}
	bin.BigEndian.PutUint16(p[10:], ^uint16(sum+sum>>16))
	return p
}

// packet6 returns an IPv6 packet whose payload edit has changed.
func packet6(cfg vrrp.WireConfig, hops uint8, edit func(p []byte) []byte) []byte {
	payload := vrrp.NewWire(cfg).Append(nil, group6, 254, time.Now())
	if edit != nil {
		payload = edit(payload)
	}
	return header6(cfg.Source, hops, protocolVRRP, payload)
}

func header6(src netip.Addr, hops, proto uint8, payload []byte) []byte {
	p := make([]byte, 40, 40+len(payload))
	p[0], p[6], p[7] = 6<<4, proto, hops
	bin.BigEndian.PutUint16(p[4:], uint16(len(payload)))
	from, to := src.As16(), group6.As16()
	copy(p[8:], from[:])
	copy(p[24:], to[:])
	return append(p, payload...)
}

// set and others are edits of a packet.
func set(at int, value byte) func([]byte) []byte {
	return func(p []byte) []byte { p[at] = value; return p }
}
func spoil(at int) func([]byte) []byte { return func(p []byte) []byte { p[at] ^= 0x55; return p } }
func shorten(p []byte) []byte          { return p[:len(p)-2] }
func lengthen(p []byte) []byte         { return append(p, make([]byte, 99)...) }

// plain4 forges for a router of version 3 over IPv4, VRID 51.
func (f *forger) plain4(nodes []*station) {
	good := f.wire4(51, nil)
	forge := func(reason string, packet []byte) { f.forge("plain", reason, groupMAC4, packet) }
	forge("bad TTL", packet4(good, group4, set(8, 254)))
	forge("bad TTL", packet4(good, group4, set(8, 1)))
	forge("bad checksum", packet4(good, group4, spoil(26)))
	forge("bad length", packet4(good, group4, shorten))
	forge("bad length", packet4(good, group4, lengthen))
	forge("bad version", packet4(good, group4, set(20, 0x41)))
	forge("bad version", packet4(f.wire4(51, version2With(0, "")), group4, nil))
	forge("not an advert", packet4(good, group4, set(20, 0x32)))
	forge("no interval", packet4(f.wire4(51, func(c *vrrp.WireConfig) { c.Interval = 0 }), group4, nil))
	forge("no addresses", packet4(f.wire4(51, func(c *vrrp.WireConfig) { c.Addresses = nil }), group4, nil))
	forge("unexpected signature", packet4(f.wire4(51, signed(1, strings.Repeat("k", 32))), group4, nil))
	forge("", packet4(f.wire4(51, version2With(vrrp.AH, "key")), group4, nil)) // it does not listen for such
	for _, n := range nodes {
		f.forge("plain", "bad destination", lab.MAC(n.Host.Eth0.MAC), packet4(good, n.Host.Eth0.IPv4.Addr(), nil))
	}
	forge("", packet4(f.wire4(99, nil), group4, nil)) // another VRID
}

// signed4 forges for routers with authentication.
func (f *forger) signed4() {
	forge := func(router, reason string, cfg vrrp.WireConfig, edit func([]byte) []byte) {
		f.forge(router, reason, groupMAC4, packet4(cfg, group4, edit))
	}
	forge("pass", "bad password", f.wire4(52, version2With(vrrp.Password, "wrong")), nil)
	forge("pass", "bad kind of authentication", f.wire4(52, version2With(0, "")), nil)
	slow := f.wire4(52, version2With(vrrp.Password, someSecrets["pass"]))
	slow.Interval = 7 * time.Second
	forge("pass", "bad interval", slow, nil)
	forge("ah", "no authentication header", f.wire4(53, version2With(0, "")), nil)
	forge("ah", "bad signature", f.wire4(53, version2With(vrrp.AH, "wrong")), nil)
	forge("ah", "bad authentication header", f.wire4(53, version2With(vrrp.AH, "wrong")), spoil(20))
	forge("hmac", "no signature", f.wire4(54, nil), nil)
	forge("hmac", "bad signature", f.wire4(54, signed(1, strings.Repeat("k", 32))), nil)
	forge("hmac", "unknown key", f.wire4(54, signed(2, strings.Repeat("k", 32))), nil)
}

// plain6 forges for a router of version 3 over IPv6, VRID 51.
func (f *forger) plain6() {
	good := vrrp.WireConfig{
		Version: vrrp.V3, VRID: 51, Interval: 500 * time.Millisecond, Source: f.src6,
		Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::101")},
	}
	forge := func(reason string, packet []byte) { f.forge("six", reason, groupMAC6, packet) }
	forge("bad TTL", packet6(good, 254, nil))
	forge("bad checksum", packet6(good, 255, spoil(6)))
	forge("bad length", packet6(good, 255, shorten))
	forge("bad length", packet6(good, 255, lengthen))
	forge("bad version", packet6(good, 255, set(0, 0x21)))
	forge("not an advert", packet6(good, 255, set(0, 0x32)))
	never := good
	never.Interval = 0
	forge("no interval", packet6(never, 255, nil))
	empty := good
	empty.Addresses = nil
	forge("no addresses", packet6(empty, 255, nil))
	other := good
	other.VRID = 99
	forge("", packet6(other, 255, nil))
}

// noise forges random bytes on both protocols and families, for right and wrong VRIDs,
// from addresses that are made up.
func (f *forger) noise() {
	random := rand.New(rand.NewPCG(51, 112))
	for i := range 300 {
		payload := make([]byte, random.IntN(120))
		for j := range payload {
			payload[j] = byte(random.Uint32())
		}
		if len(payload) > 1 && i%3 > 0 {
			payload[1] = byte(51 + random.IntN(4))
		}
		src := f.src4.As4()
		src[3] = byte(210 + random.IntN(40))
		proto := []byte{protocolVRRP, unix.IPPROTO_AH}[i%2]
		if i%5 == 0 {
			f.forge("", "", groupMAC6, header6(f.src6, 255, proto, payload))
			continue
		}
		p := make([]byte, 20, 200)
		p[0], p[8], p[9] = 0x45, 255, proto
		copy(p[12:], src[:])
		copy(p[16:], group4.AsSlice())
		f.forge("", "", groupMAC4, sealed4(append(p, payload...)))
	}
}

// flood sends all frames in turn, some thousands a second, until the end.
func (f *forger) flood(t *testing.T, from *lab.Host) (end func() (sent int)) {
	t.Helper()
	var fd int
	must(t, from.Do(func() (err error) {
		fd, err = packetSocket("eth0")
		return err
	}))
	stop := make(chan struct{})
	var sending sync.WaitGroup
	sent := 0
	sending.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			for range 4 {
				if _, err := unix.Write(fd, f.frames[sent%len(f.frames)]); err == nil {
					sent++
				}
			}
		}
	})
	once := sync.OnceValue(func() int {
		close(stop)
		sending.Wait()
		unix.Close(fd)
		return sent
	})
	t.Cleanup(func() { once() })
	return once
}

// floodedRouters is one router of each kind.
func floodedRouters(t *testing.T, n *station, priority int) string {
	t.Helper()
	const calm = `advert_interval = "500ms"` // a busy machine may be late by some of a lease
	text := router("plain", 51, priority, "198.18.0.101/24", calm) + router("six", 51, priority, "2001:db8::101/64", calm)
	for i, kind := range []string{"pass", "ah", "hmac"} {
		file := filepath.Join(n.Dir, kind+".secret")
		must(t, os.WriteFile(file, []byte(someSecrets[kind]), 0o600))
		lines := secretLines(kind, file)
		if kind == "hmac" {
			lines = append(lines, calm)
		}
		text += router(kind, 52+i, priority, fmt.Sprintf("198.18.0.%d/24", 102+i), lines...)
	}
	return text
}

const flooded = "198.18.0.101 198.18.0.102 198.18.0.103 198.18.0.104 2001:db8::101"

// Whatever is thrown at virtual routers that is no good advert, they go on as if it
// were not there, and count it.
func TestRouterFlood(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	master, backup := s.nodes[0], s.nodes[1]
	master.write(floodedRouters(t, master, 200))
	backup.write(floodedRouters(t, backup, 100))
	for _, n := range s.nodes {
		s.hasLinkLocal(n)
	}
	s.start(master, backup)
	s.hasJust(master, flooded, "")
	s.hasJust(backup, "", flooded)
	before := map[*station]map[string]api.VirtualRouter{master: routersOf(master), backup: routersOf(backup)}

	f := &forger{src4: netip.MustParseAddr("198.18.0.209"), src6: netip.MustParseAddr("fe80::bb:1"), reasons: map[string]map[string]bool{}}
	f.plain4(s.nodes)
	f.signed4()
	f.plain6()
	f.noise()
	isAdvert := func(f frame) bool { _, ok := advertOf(f); return ok }
	adverts, others := s.net.sniff(t, master.Host, isAdvert), s.net.sniff(t, backup.Host, isAdvert)
	end, began := f.flood(t, s.net.client), time.Now()
	for _, n := range s.nodes {
		f.counted(s, n)
	}
	s.never("the flood moves an address", 2*time.Second, func() bool { return !master.has("198.18.0.101") || backup.has("198.18.0.101") })
	s.eventually("there are adverts enough", func() bool { return time.Since(began) > 3*time.Second })
	s.keepTheBeat(adverts.take())
	if n := len(others.take()); n > 0 {
		t.Errorf("%s sent %d adverts as a backup", backup.Name, n)
	}
	for n, was := range before {
		unmoved(t, n, was)
		for name := range f.reasons {
			t.Logf("%s of %s refused: %v", name, n.Name, n.router(name).Adverts.Dropped)
		}
	}

	// A backup whose timers were touched would not take over while it goes on.
	must(t, master.Kill())
	s.hasJust(backup, flooded, "")
	since := routersOf(backup)
	s.never("the flood takes an address away", time.Second, func() bool { return !backup.has("198.18.0.101") })
	unmoved(t, backup, since)
	sent := end()
	for _, n := range s.nodes {
		lines := strings.Count(n.log(), "another router does not fit")
		t.Logf("%s logged %d lines about %d frames", n.Name, lines, sent)
		if most := 5 * mostSaid; lines > most {
			t.Errorf("%s logged %d lines about the flood, at most %d are allowed", n.Name, lines, most)
		}
	}
}

// mostSaid is how many senders that do not fit a router logs in a minute, however many
// there are.
const mostSaid = 16

func routersOf(n *station) map[string]api.VirtualRouter {
	n.t.Helper()
	status, err := n.status()
	must(n.t, err)
	byName := map[string]api.VirtualRouter{}
	for _, r := range status.VRRP {
		byName[r.Name] = r
	}
	return byName
}

// counted waits until the node has counted refusals for every reason that there is.
func (f *forger) counted(s *site, n *station) {
	s.t.Helper()
	for router, reasons := range f.reasons {
		for reason := range reasons {
			s.eventuallySays(fmt.Sprintf("%s of %s counts: %s", router, n.Name, reason), func() bool {
				return n.router(router).Adverts.Dropped[reason] > 0
			})
		}
	}
}

// unmoved wants the routers of a node in the state that they were in, for as long.
func unmoved(t *testing.T, n *station, was map[string]api.VirtualRouter) {
	t.Helper()
	for name, now := range routersOf(n) {
		if then := was[name]; now.State != then.State || now.Master != then.Master || !now.Since.Equal(then.Since) {
			t.Errorf("%s of %s is %s since %s, of master %s; it was %s since %s, of master %s",
				name, n.Name, now.State, now.Since, now.Master, then.State, then.Since, then.Master)
		}
	}
}

// advertOf returns of which router an advert is, if it is one.
func advertOf(f frame) (router string, ok bool) {
	at, family := 14+20, "IPv4"
	if bin.BigEndian.Uint16(f.data[12:]) == unix.ETH_P_IPV6 {
		at, family = 14+40, "IPv6"
	}
	if len(f.data) < at+8 {
		return "", false
	}
	proto := f.data[14+9]
	if family == "IPv6" {
		proto = f.data[14+6]
	}
	switch proto {
	case protocolVRRP:
	case unix.IPPROTO_AH:
		at += 24
	default:
		return "", false
	}
	if len(f.data) < at+8 {
		return "", false
	}
	return fmt.Sprintf("%s %d", family, f.data[at+1]), true
}

// keepTheBeat wants the adverts of a node to have no gap that a backup would notice.
func (s *site) keepTheBeat(adverts []frame) {
	s.t.Helper()
	last, longest := map[string]time.Time{}, map[string]time.Duration{}
	for _, a := range adverts {
		router, _ := advertOf(a)
		if before, ok := last[router]; ok {
			longest[router] = max(longest[router], a.at.Sub(before))
		}
		last[router] = a.at
	}
	if len(longest) != 5 {
		s.t.Errorf("adverts of %d routers, want 5", len(longest))
	}
	for router, gap := range longest { // version 2 has whole seconds
		interval := 500 * time.Millisecond
		if router == "IPv4 52" || router == "IPv4 53" {
			interval = time.Second
		}
		if gap > 3*interval {
			s.t.Errorf("no advert of %s for %s, which are to come every %s", router, gap, interval)
		}
	}
	s.t.Logf("longest gaps: %v", longest)
}
