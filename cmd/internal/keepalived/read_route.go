package keepalived

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

func readRoutes(im *importer, s *syntax.Statement, i *instance) {
	own := i.own()
	own.routes = append(own.routes, im.routes(s)...)
}

func readStaticRoutes(im *importer, s *syntax.Statement, _ *importer) {
	im.routing.staticRoutes = append(im.routing.staticRoutes, im.routes(s)...)
}

func (im *importer) routes(s *syntax.Statement) (list []route) {
	for _, line := range im.block(s) {
		r := routeLine{words: newWords(im, line), route: route{by: line}}
		if r.read() {
			list = append(list, r.route)
		}
	}
	return list
}

// routeLine is a route that is being read, in the words of ip-route(8).
type routeLine struct {
	*words
	route
	anywhere bool // default
	ipv6     bool // inet6
}

// read reports whether there is a route that perch can have.
func (r *routeLine) read() bool {
	for r.more() {
		r.word(r.next())
	}
	if r.anywhere {
		r.destination = anywhere(r.ipv6 || r.via.Is6())
	}
	switch {
	case !r.good() || r.lost:
		return false
	case !r.destination.IsValid():
		r.wrong("has no destination")
	case !r.via.IsValid() && r.dev == "" && !r.blackhole:
		r.wrong("leads nowhere; must have via or dev")
	}
	r.destination = r.destination.Masked()
	return r.good()
}

func anywhere(ipv6 bool) netip.Prefix {
	if ipv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

func (r *routeLine) word(word string) {
	switch word {
	case "to":
		r.to(r.value())
	case "via", "gw":
		r.via = r.gateway()
	case "src":
		r.source = r.address(r.value())
	case "dev", "oif":
		r.dev = r.value()
	case "table":
		r.table = r.tableID()
	case "metric", "priority", "preference":
		r.metric = r.number(0, math.MaxUint32)
	case "scope":
		r.route.scope = r.words.scope()
	case "onlink":
		r.onLink = true
	case "blackhole":
		r.blackhole = true
	case "no_track":
		r.noTrack = true
	case "inet6":
		r.ipv6 = true
	case "inet", "unicast", "add", "append", "prepend":
	case "protocol":
		r.value() // perch has one of its own, to know its routes by
	default:
		r.rare(word)
	}
}

func (r *routeLine) to(text string) {
	before := r.anywhere || r.destination.IsValid()
	if text == "default" || text == "any" || text == "all" {
		r.anywhere = true
	} else {
		r.destination = r.network(text)
	}
	r.alone(before, text)
}

// gateway reads [inet|inet6] ADDRESS.
func (r *routeLine) gateway() netip.Addr {
	text := r.value()
	if text == "inet" || text == "inet6" {
		text = r.value()
	}
	if r.bad {
		return netip.Addr{}
	}
	return r.address(text)
}

// byProgram is who else can care for a route or a rule that perch does not have.
const byProgram = "let a [[notify]] of master and backup add and remove it, or the system itself what is always there"

// rare reads a word that perch has no equivalent for, and else a destination.
func (r *routeLine) rare(word string) {
	switch word {
	case "or", "nexthop":
		r.lose("a route over several gateways by "+word, "a route of perch has one: let a routing daemon keep those of several")
	case "unreachable", "prohibit", "throw", "local", "broadcast", "multicast", "anycast", "nat":
		r.lose("a route of the kind "+word, "perch has routes to a gateway, to an interface and blackhole")
	case "realms", "realm", "tos", "dsfield", "encap", "as", "expires", "vrf":
		r.lose("a route with "+word, "perch has no routes of this kind: "+byProgram)
	case "mtu", "hoplimit", "advmss", "rtt", "rttvar", "reordering", "window", "cwnd", "initcwnd", "initrwnd",
		"ssthresh", "rto_min", "quickack", "features", "congctl", "fastopen_no_cookie", "ttl-propagate", "pref":
		r.skip("lock")
		text := r.value()
		r.im.lose(r.s, "gives the route "+word+" "+text, "perch has it without. If that matters leave the line out, and "+byProgram)
	case "track_group":
		r.trackGroup("route")
	default:
		r.to(word)
	}
}

// tableID reads a routing table by its number or its name.
func (w *words) tableID() int {
	text := w.value()
	if w.bad {
		return 0
	}
	if _, err := strconv.ParseInt(text, 0, 64); err == nil {
		w.left = append([]string{text}, w.left...)
		w.last = "table"
		return w.number(1, math.MaxUint32)
	}
	names := w.im.tableNames()
	id, known := names.ids[text]
	if !known {
		w.wrong(fmt.Sprintf("table %q must be a number, or a name in rt_tables or rt_tables.d/*.conf of %s or %s", text, names.etc, names.usr))
	}
	return id
}
