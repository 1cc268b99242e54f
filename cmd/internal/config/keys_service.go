package config

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The limits of IPVS. The kernel keeps a timeout as an int of its ticks, up to 1,000 a
// second, and a weight as an int; more than 65535 is what ipvsadm(8) calls not valid.
const (
	maxIPVSTimeout  = 596 * time.Hour
	maxPersistence  = 744 * time.Hour
	maxServerWeight = 65535
	maxConnections  = math.MaxInt32
	maxSlowStart    = time.Hour
	maxSyncPacket   = 65507
)

func defaultIPVS() IPVS { return IPVS{AtEnd: "keep", Nodes: "candidates"} }

func ipvsKeys(i *IPVS) []key {
	return []key{
		optional("own_all", boolean(&i.OwnAll)),
		optional("at_end", words(&i.AtEnd, "keep", "remove", "flush")),
		optional("manage_sysctls", boolean(&i.ManageSysctls)),
		optional("nodes", words(&i.Nodes, "candidates", "owner")),
		optional("tcp_timeout", seconds(&i.TCP, time.Second, maxIPVSTimeout)),
		optional("tcp_fin_timeout", seconds(&i.TCPFin, time.Second, maxIPVSTimeout)),
		optional("udp_timeout", seconds(&i.UDP, time.Second, maxIPVSTimeout)),
		optional("sync", tablePointer(&i.Sync, defaultIPVSSync(), ipvsSyncKeys)),
	}
}

// defaultIPVSSync is what the kernel and ipvsadm take for granted.
func defaultIPVSSync() IPVSSync {
	return IPVSSync{Group: netip.AddrFrom4([4]byte{224, 0, 0, 81}), Port: 8848, TTL: 1}
}

func ipvsSyncKeys(s *IPVSSync) []key {
	return []key{
		required("interface", text(&s.Interface, interfaceRule, parseInterface)),
		required("id", integer(&s.ID, 0, 255)),
		optional("group", text(&s.Group, multicastRule, parseMulticast)),
		optional("port", integer(&s.Port, 1, math.MaxUint16)),
		optional("ttl", integer(&s.TTL, 1, 255)),
		optional("max_len", integer(&s.MaxLen, 1, maxSyncPacket)),
	}
}

// defaultService lacks what other keys are compared with: see settleService.
func defaultService() draftService {
	return draftService{
		Service: Service{Start: "checked"},
		server:  RealServer{Weight: 1, Tunnel: Tunnel{Checksum: "none"}},
		sorry:   defaultServer(),
	}
}

func defaultServer() draftServer {
	return draftServer{RealServer: RealServer{Tunnel: Tunnel{Checksum: "none"}}}
}

// schedulers are those of the kernel.
func schedulers() []string {
	return strings.Fields("rr wrr lc wlc lblc lblcr sh mh dh sed nq fo ovf twos")
}

// serviceOptions are those of all services, of the schedulers sh and mh, and of any other.
func serviceOptions() []string {
	return strings.Fields("ops sh-port sh-fallback mh-port mh-fallback flag-1 flag-2 flag-3")
}

func serviceKeys(s *draftService) []key {
	return slices.Concat(
		[]key{
			optional("name", text(&s.Name, nameRule, parseName)),
			optional("address", oneOrMore(&s.Addresses, serviceAddressesRule, func(a *netip.AddrPort) reader {
				return text(a, serviceAddressRule, parseServiceAddress)
			})),
			optional("fwmark", integer(&s.FWMark, 1, math.MaxUint32)),
			optional("family", oneOrMore(&s.Families, familiesRule, func(f *string) reader { return words(f, "ipv4", "ipv6") })),
			optional("protocol", words(&s.Protocol, "tcp", "udp", "sctp")),
		},
		balancingKeys(s),
		[]key{
			optional("start", words(&s.Start, "checked", "up")),
			optional("check_while", choice(&s.WhileHeld, option[bool]{"always", false}, option[bool]{"held", true})),
			optional("quorum", integer(&s.Quorum, 1, math.MaxInt32)),
			optional("hysteresis", integer(&s.Hysteresis, 0, math.MaxInt32)),
			optional("quorum_up", texts(&s.QuorumUp, argvRule, argumentRule, parseArgument)),
			optional("quorum_down", texts(&s.QuorumDown, argvRule, argumentRule, parseArgument)),
			optional("omega", boolean(&s.Omega)),
			optional("sorry_server", sorryServer(&s.sorry)),
		},
		routeKeysOfServer(&s.server),
		[]key{
			optional("check", serverChecks(&s.checks)),
			optional("group", text(&s.group, nameRule, parseName)),
			optional("server", tables(&s.servers, defaultServer(), serverKeys)),
		},
	)
}

func balancingKeys(s *draftService) []key {
	return []key{
		optional("scheduler", named(&s.Scheduler, schedulers())),
		optional("options", list(&s.Options, optionsRule, func(o *string) reader { return named(o, serviceOptions()) })),
		optional("persistence", seconds(&s.Persistence, time.Second, maxPersistence)),
		optional("persistence_prefix", prefixLengths(&s.PersistencePrefix)),
		optional("persistence_engine", words(&s.PersistenceEngine, "sip")),
	}
}

// prefixLengths reads bits of an address for both families, or for each.
func prefixLengths(dst *[2]int) reader {
	whole := table(dst, func(bits *[2]int) []key {
		return []key{
			optional("ipv4", integer(&bits[0], 1, 32)),
			optional("ipv6", integer(&bits[1], 1, 128)),
		}
	})
	read := whole.read
	whole.allowed = prefixesRule
	whole.read = func(d *decoder, v *value) {
		switch v.kind {
		case kindTable:
			read(d, v)
		case kindInteger:
			integer(&dst[0], 1, 128).read(d, v)
			dst[1] = dst[0]
		default:
			d.wrongType(v, "an integer or a table", prefixesRule)
		}
	}
	return whole
}

// sorryServer reads an address, or a table with more than that.
func sorryServer(s *draftServer) reader {
	return textOrTable(text(&s.Address, serverAddressRule, parseServerAddress), table(s, sorryKeys), sorryRule)
}

func sorryKeys(s *draftServer) []key {
	return []key{
		required("address", text(&s.Address, serverAddressRule, parseServerAddress)),
		optional("forward", words(&s.Forward, forwards()...)),
		optional("tunnel", table(&s.Tunnel, tunnelKeys)),
	}
}

func forwards() []string { return []string{"nat", "dr", "tunnel"} }

func tunnelKeys(t *Tunnel) []key {
	return []key{
		required("kind", words(&t.Kind, "ipip", "gue", "gre")),
		optional("port", integer(&t.Port, 1, math.MaxUint16)),
		optional("checksum", words(&t.Checksum, "none", "checksum", "remote")),
	}
}

// routeKeysOfServer are what a service says for all of its servers, or one of them for itself.
func routeKeysOfServer(s *RealServer) []key {
	return []key{
		optional("weight", integer(&s.Weight, 0, maxServerWeight)),
		optional("forward", words(&s.Forward, forwards()...)),
		optional("tunnel", table(&s.Tunnel, tunnelKeys)),
		optional("upper_threshold", integer(&s.UpperThreshold, 0, maxConnections)),
		optional("lower_threshold", integer(&s.LowerThreshold, 0, maxConnections)),
		optional("inhibit_on_failure", boolean(&s.InhibitOnFailure)),
		optional("slow_start", duration(&s.SlowStart, 0, maxSlowStart)),
	}
}

func serverKeys(s *draftServer) []key {
	return slices.Concat(
		[]key{required("address", text(&s.Address, serverAddressRule, parseServerAddress))},
		routeKeysOfServer(&s.RealServer),
		[]key{optional("check", serverChecks(&s.checks))},
	)
}

func serverGroupKeys(g *draftGroup) []key {
	return []key{
		required("name", text(&g.name, nameRule, parseName)),
		optional("check", serverChecks(&g.checks)),
		required("server", tables(&g.servers, defaultServer(), serverKeys)),
	}
}

// serverChecks reads a table, or several.
func serverChecks(dst *[]draftCheck) reader {
	return oneOrMore(dst, serverChecksRule, func(c *draftCheck) reader {
		r := table(c, serverCheckKeys)
		r.allowed = serverChecksRule
		return r
	})
}

// serverCheckKeys are those of a [[check]], with what is for the server that is looked at. Only
// a number counts for more or less.
func serverCheckKeys(c *draftCheck) []key {
	keys := append(kindKeys(&c.Check), only(kindsOfPort, optional("port", integer(&c.port, 1, math.MaxUint16)))...)
	for i := range keys {
		if keys[i].name == "tls" { // there is no URL to say so
			keys[i].kinds = strings.Fields("http tcp smtp grpc dns")
		}
	}
	keys = append(keys, only("file",
		optional("weight", integer(&c.Weight, -maxServerWeight, maxServerWeight)),
		optional("reverse", boolean(&c.Reverse)))...)
	return append(keys, scheduleKeys(&c.Check)...)
}

// kindsOfPort look at a port.
const kindsOfPort = "tcp udp http dns smtp grpc tls"
