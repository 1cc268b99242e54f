package keepalived

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// readVirtualServer reads a virtual_server IP [PORT], fwmark N or group NAME.
func readVirtualServer(im *importer, s *syntax.Statement, _ *importer) {
	v := &virtualServer{by: s}
	readBlock(im, "a virtual_server", im.block(s), im.serverWords().virtual, v)
	if s.Braces && !says(s, "real_server") {
		im.wrong(s, "has no real_server")
	}
	if im.readSubject(s, v) {
		im.balancing.virtual = append(im.balancing.virtual, v)
	}
}

// readSubject reads what clients come to.
func (im *importer) readSubject(s *syntax.Statement, v *virtualServer) (ok bool) {
	args := s.Args()
	if len(args) == 0 {
		im.wrong(s, "missing; must have an address with a port, fwmark with a number or group with a name")
		return false
	}
	if (args[0] == "fwmark" || args[0] == "group") && len(args) != 2 {
		im.wrong(s, args[0]+" must have one value")
		return false
	}
	switch args[0] {
	case "fwmark":
		v.mark, ok = im.mark(s, args[1])
	case "group":
		v.group, ok = args[1], true
	default:
		v.address, ok = im.addressPort(s, args)
	}
	return ok
}

// mark reads a mark that packets have.
func (im *importer) mark(s *syntax.Statement, text string) (mark int, ok bool) {
	n, err := strconv.ParseUint(text, 0, 32)
	if err != nil || n == 0 {
		im.wrong(s, fmt.Sprintf("fwmark %q must be a number from 1 to %d", text, uint32(math.MaxUint32)))
		return 0, false
	}
	return int(n), true
}

// addressPort reads an address and, maybe, a port.
func (im *importer) addressPort(s *syntax.Statement, args []string) (a netip.AddrPort, ok bool) {
	if len(args) == 0 {
		im.wrong(s, "missing; must have an address")
		return a, false
	}
	ip, err := netip.ParseAddr(args[0])
	switch {
	case len(args) > 2:
		im.wrong(s, fmt.Sprintf("%q is one value too many", args[2]))
		return a, false
	case err != nil && strings.ContainsAny(args[0], "-/"):
		im.wrong(s, fmt.Sprintf("%q is more than one address, of which keepalived takes the first; a virtual_server_group may have them all", args[0]))
		return a, false
	case err != nil || ip.Zone() != "":
		im.wrong(s, fmt.Sprintf("%q is no IP address", args[0]))
		return a, false
	}
	port := 0
	if len(args) == 2 {
		if port, ok = im.port(s, args[1]); !ok {
			return a, false
		}
	}
	return netip.AddrPortFrom(ip, uint16(port)), true
}

// port reads a port; 0 stands for all.
func (im *importer) port(s *syntax.Statement, text string) (port int, ok bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		im.wrong(s, fmt.Sprintf("port %q must be a number from 0 to 65535", text))
		return 0, false
	}
	return int(n), true
}

func virtualServerWords() vocabulary[*virtualServer] {
	type v = *virtualServer
	return joined(
		scheduleWords(func(v v) *schedule { return &v.schedule }),
		balancingWordsOf(),
		vocabulary[v]{
			"ip_family":          keepWord(func(v v) *said[string] { return &v.family }, "inet", "inet6"),
			"protocol":           means(readProtocol),
			"weight":             keepUpTo(1, mostWeight, func(v v) *said[int] { return &v.weight }),
			"inhibit_on_failure": keepSwitch(func(v v) *said[bool] { return &v.inhibit }),
			"virtualhost":        keepText(func(v v) *said[string] { return &v.virtualHost }),
			"snmp_name":          keepText(func(v v) *said[string] { return &v.name }),
			"smtp_alert":         keepFlag(func(v v) *said[bool] { return &v.alert }),
			"ha_suspend":         keepFlag(func(v v) *said[bool] { return &v.whileHeld }),
			"omega":              keepSwitch(func(v v) *said[bool] { return &v.omega }),
			"quorum":             keepNumber(1, math.MaxInt32, func(v v) *said[int] { return &v.quorum }),
			"hysteresis":         keepNumber(0, math.MaxInt32, func(v v) *said[int] { return &v.hysteresis }),
			"quorum_up":          keepProgram(func(v v) *said[program] { return &v.quorumUp }),
			"quorum_down": keepProgram(func(v v) *said[program] {
				return &v.quorumDown
			}),
			"sorry_server": means(func(im *importer, s *syntax.Statement, v v) {
				if a, ok := im.addressPort(s, s.Args()); ok {
					keep(im, &v.sorry, a, s)
				}
			}),
			"sorry_server_inhibit": lost[v]("leaves the sorry server in its table with weight 0 when servers are back",
				"perch takes it out: what it says is not true any more"),
			"sorry_server_lvs_method": keepMethod(func(v v) *said[method] { return &v.sorryMethod }),
			"real_server":             opens(readRealServer),
		},
	)
}

// balancingWordsOf are the words for how clients are spread over servers.
func balancingWordsOf() vocabulary[*virtualServer] {
	type v = *virtualServer
	w := vocabulary[v]{
		"persistence_timeout":     means(readPersistence),
		"persistence_granularity": means(readGranularity),
		"persistence_engine":      keepWord(func(v v) *said[string] { return &v.engine }, "sip"),
		"hashed":                  needless[v](), // the kernel sets this mark itself
	}
	schedulers := strings.Fields("rr wrr lc wlc lblc lblcr sh mh dh sed nq fo ovf twos")
	for _, name := range []string{"lb_algo", "lvs_sched"} {
		w[name] = keepWord(func(v v) *said[string] { return &v.scheduler }, schedulers...)
	}
	for _, name := range []string{"lb_kind", "lvs_method"} {
		w[name] = keepMethod(func(v v) *said[method] { return &v.method })
	}
	for _, name := range strings.Fields("flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback ops") {
		w[name] = means(func(im *importer, s *syntax.Statement, v v) {
			v.options = append(v.options, said[string]{name, s})
		})
	}
	return w
}

// readProtocol reads it in any case, as keepalived does.
func readProtocol(im *importer, s *syntax.Statement, v *virtualServer) {
	arg, ok := im.one(s)
	if !ok {
		return
	}
	switch protocol := strings.ToLower(arg); protocol {
	case "tcp", "udp", "sctp":
		keep(im, &v.protocol, protocol, s)
	default:
		im.wrong(s, fmt.Sprintf("%q must be TCP, UDP or SCTP", arg))
	}
}

// readPersistence reads seconds; without any it is six minutes.
func readPersistence(im *importer, s *syntax.Statement, v *virtualServer) {
	n, ok := 360, true
	if len(s.Args()) > 0 {
		n, ok = im.number(s, 1, 2678400)
	}
	if ok {
		keep(im, &v.persistence, time.Duration(n)*time.Second, s)
	}
}

// readGranularity reads a netmask of IPv4, or a number of bits of IPv6.
func readGranularity(im *importer, s *syntax.Statement, v *virtualServer) {
	arg, ok := im.one(s)
	if !ok {
		return
	}
	if mask, err := netip.ParseAddr(arg); err == nil && mask.Is4() {
		bits := 0
		for bits < 32 && netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), bits).Masked().Addr() != mask {
			bits++
		}
		if bits > 0 && (bits < 32 || arg == "255.255.255.255") {
			keep(im, &v.granularity, granularity{bits: bits}, s)
			return
		}
	}
	if n, err := strconv.Atoi(arg); err == nil && n >= 1 && n <= 128 {
		keep(im, &v.granularity, granularity{bits: n, ipv6: true}, s)
		return
	}
	im.wrong(s, fmt.Sprintf("%q must be a netmask, as 255.255.255.0, or for IPv6 a number of bits", arg))
}

// keepWord is a keyword with one of some words.
func keepWord[T any](at func(T) *said[string], words ...string) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		arg, ok := im.one(s)
		switch {
		case !ok:
		case slices.Contains(words, arg):
			keep(im, at(into), arg, s)
		default:
			im.wrong(s, fmt.Sprintf("%q must be %s", arg, oneOf(words)))
		}
	})
}

// oneOf lists words as a, b or c.
func oneOf(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// says reports whether a block has a statement with the keyword, right or wrong.
func says(s *syntax.Statement, keyword string) bool {
	return slices.ContainsFunc(s.Block, func(in *syntax.Statement) bool { return in.Keyword() == keyword })
}

// keepSwitch is a keyword that means on, as it does there with a number behind it, and may be
// told to mean off.
func keepSwitch[T any](at func(T) *said[bool]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		on, ok := true, true
		if args := s.Args(); len(args) != 1 || args[0] != "1" {
			on, ok = im.flag(s)
		}
		if ok {
			keep(im, at(into), on, s)
		}
	})
}

// joined is a vocabulary of all words of several.
func joined[T any](vocabularies ...vocabulary[T]) vocabulary[T] {
	all := vocabulary[T]{}
	all.add(vocabularies...)
	return all
}
