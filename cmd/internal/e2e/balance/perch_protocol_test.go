//go:build ipvs

package balance

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// echoPort is where servers and services echo.
const echoPort = 7

// echoed is a service of echoes on all servers.
type echoed struct {
	name, protocol string
	mode
	port    uint16
	options string
	check   string
}

// Their checks see an echo for UDP end, and the web server beside one for SCTP.
const (
	echoCheck   = `{kind = "udp", send = "?", answer = true, interval = "300ms", timeout = "5s", rise = 1, fall = 2}`
	besideCheck = `{kind = "tcp", port = 80, interval = "300ms", timeout = "5s", rise = 1, fall = 2}`
)

var (
	udpNAT          = echoed{"udp-nat", "udp", nat, 7007, "", echoCheck}
	udpDR           = echoed{"udp-dr", "udp", dr, echoPort, "", echoCheck}
	udpOnePacket    = echoed{"ops-tunnel", "udp", tunnel, echoPort, `options = ["ops"]`, echoCheck}
	udpOnePacketNAT = echoed{"ops-nat", "udp", nat, 7008, `options = ["ops"]`, echoCheck}
	sctpNAT         = echoed{"sctp-nat", "sctp", nat, 7007, "", besideCheck}
	sctpDR          = echoed{"sctp-dr", "sctp", dr, echoPort, "", besideCheck}
)

func (e echoed) address() netip.AddrPort { return netip.AddrPortFrom(e.vips[ipv4], e.port) }

func (e echoed) server(w *web) netip.AddrPort {
	return netip.AddrPortFrom(e.realServer(w, ipv4).Addr(), echoPort)
}

func (e echoed) table(webs [3]*web) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n[[service]]\nname = %q\nprotocol = %q\naddress = %q\nscheduler = \"rr\"\nforward = %q\n%s\ncheck = %s\nserver = [",
		e.name, e.protocol, e.address(), e.mode.name, e.options, e.check)
	for _, w := range webs {
		fmt.Fprintf(&b, "{address = %q}, ", e.server(w))
	}
	b.WriteString("]\n")
	return b.String()
}

// lines is the service as ipvsadm -Sn has it, without the dead.
func (e echoed) lines(webs [3]*web, dead *web) (lines []string) {
	kind, flags := map[string]string{"udp": "-u", "sctp": "--sctp-service"}[e.protocol], ""
	if e.options != "" {
		flags = " -o"
	}
	lines = append(lines, fmt.Sprintf("-A %s %s -s rr%s", kind, e.address(), flags))
	for _, w := range webs {
		if w == dead {
			continue
		}
		line := fmt.Sprintf("-a %s %s -r %s %s -w 1", kind, e.address(), e.server(w), e.flag)
		if e.flag == tunnel.flag {
			line += " --tun-type ipip"
		}
		lines = append(lines, line)
	}
	return lines
}

// Clients of UDP and SCTP come to all servers, and stay with theirs. One that dies gets no
// more of them, and those of UDP that it had have another with their next packets. Then it
// is back.
func TestPerchProtocols(t *testing.T) {
	b := newBed(t)
	var echoes []*echo
	for _, w := range b.webs {
		echoes = append(echoes, b.echoes(w)...)
	}
	all := []echoed{udpNAT, udpDR, udpOnePacket, udpOnePacketNAT, sctpNAT, sctpDR}
	keeping := []echoed{udpNAT, udpDR, sctpNAT, sctpDR} // clients
	var tables strings.Builder
	table := func(dead *web) (lines []string) {
		for _, e := range all {
			lines = append(lines, e.lines(b.webs, dead)...)
		}
		return lines
	}
	for _, e := range all {
		tables.WriteString(e.table(b.webs))
	}
	a := b.newAlone(tables.String())
	must(t, a.Do(func() error { return set("ipv4/vs/expire_nodest_conn", "1") }))
	must(t, a.Start())
	a.has(table(nil))

	talkers := map[string]map[string]talker{} // by service and server
	for _, e := range keeping {
		talkers[e.name] = b.reachesEach(e, 3)
	}
	onePacket := b.talker("udp", udpOnePacket.address())
	b.takesTurns(onePacket, 3)
	if by, err := b.talker("udp", udpOnePacketNAT.address()).ask(300 * time.Millisecond); err == nil {
		t.Errorf("%s answers by nat to a packet that the kernel has forgotten", by)
	}

	dead, its := b.webs[0], echoes[:2]
	must(t, dead.Kill())
	for _, e := range its {
		e.stop()
	}
	a.has(table(dead))
	for _, e := range keeping {
		b.reachesEach(e, 2)
		for server, k := range talkers[e.name] {
			b.goesOn(e, k, server, dead)
		}
	}
	b.takesTurns(onePacket, 2)

	must(t, dead.Start())
	for _, e := range its {
		e.start()
	}
	a.has(table(nil))
	for _, e := range keeping {
		b.reachesEach(e, 3)
	}
	b.takesTurns(onePacket, 3)
}

// echoes starts those of a server, for UDP and SCTP, at all addresses that it has.
func (b *bed) echoes(w *web) []*echo {
	b.t.Helper()
	var at []netip.AddrPort
	for _, addr := range []netip.Addr{addressOf(w.Host, ipv4), insideOf(w.Host, ipv4).Addr(), dr.vips[ipv4], tunnel.vips[ipv4]} {
		at = append(at, netip.AddrPortFrom(addr, echoPort))
	}
	return []*echo{newUDPEcho(b.t, w.Host, at...), newSCTPEcho(b.t, w.Host, at...)}
}

// reachesEach has so many clients come to as many servers, each to its own again and again.
func (b *bed) reachesEach(e echoed, servers int) map[string]talker {
	b.t.Helper()
	reached := map[string]talker{}
	for range servers {
		k := b.talker(e.protocol, e.address())
		first := b.answerTo(k)
		for range 2 {
			if by := b.answerTo(k); by != first {
				b.t.Errorf("a client of %s is answered by %s, and then by %s", e.name, first, by)
			}
		}
		reached[first] = k
	}
	if len(reached) != servers {
		b.t.Errorf("%d clients of %s came to %d servers", servers, e.name, len(reached))
	}
	return reached
}

func (b *bed) answerTo(k talker) string {
	b.t.Helper()
	by, err := k.ask(10 * time.Second)
	must(b.t, err)
	return by
}

// takesTurns has each packet of a client be answered by the next one of so many servers.
func (b *bed) takesTurns(k talker, servers int) {
	b.t.Helper()
	by := map[string]int{}
	for range 2 * servers {
		by[b.answerTo(k)]++
	}
	for server, n := range by {
		if n != 2 || len(by) != servers {
			b.t.Errorf("%s answered %d of %d packets of one client, and %d servers did", server, n, 2*servers, len(by))
		}
	}
}

// goesOn has a client be answered by its server; if that is dead, by another over UDP,
// and not at all over SCTP.
func (b *bed) goesOn(e echoed, k talker, server string, dead *web) {
	b.t.Helper()
	if server != dead.Host.Name {
		if by := b.answerTo(k); by != server {
			b.t.Errorf("a client of %s that %s had is answered by %s", e.name, server, by)
		}
		return
	}
	if e.protocol == "udp" {
		eventually(b.t, "a client of a dead server is answered by another", func() bool {
			by, err := k.ask(time.Second)
			return err == nil && by != server
		})
		return
	}
	if by, err := k.ask(time.Second); err == nil {
		b.t.Errorf("a client of %s that the dead %s had is answered by %s", e.name, server, by)
	}
}
