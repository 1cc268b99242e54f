package bgp

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"
)

// running is what perch needs to know of bgpd's running configuration.
type running struct {
	instance  bool                    // there is one of the ASN, in the default VRF
	others    bool                    // there are more instances than that
	networks  map[netip.Prefix]string // of the instance, with the route-map of each, or ""
	metric    uint32                  // of fresh routes, as it is to be
	internal  bool                    // it has, or may have, neighbors in its own AS
	unchecked bool                    // networks are announced whether or not there is such a route
	routeMaps map[standing]bool       // those whose route-map is there as perch defines it
}

// parseRunning reads the answer to `write terminal`. Fresh routes are to have a metric.
func parseRunning(text string, asn, metric uint32) running {
	r := running{metric: metric, networks: map[netip.Prefix]string{}}
	inside, unicast := false, false
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case line[0] != ' ': // a line of its own, which ends what was before
			inside = isInstance(words, asn)
			unicast = false
			r.instance = r.instance || inside
			r.others = r.others || !inside && words[0] == "router"
		case !inside:
		case words[0] == "address-family":
			unicast = len(words) > 2 && (words[1] == "ipv4" || words[1] == "ipv6") && words[2] == "unicast"
		case words[0] == "exit-address-family":
			unicast = false
		case strings.Join(words, " ") == "no bgp network import-check":
			r.unchecked = true
		case words[0] == "network" && unicast:
			r.network(words[1:])
		case words[0] == "neighbor" && isInternal(words, asn):
			r.internal = true
		}
	}
	r.routeMaps = r.parseRouteMaps(text, asn)
	return r
}

// at is the same with fresh routes of another metric.
func (r running) at(metric uint32) running {
	if metric != r.metric {
		r.metric, r.routeMaps = metric, maps.Clone(r.routeMaps)
		delete(r.routeMaps, fresh)
	}
	return r
}

// isInternal tells whether the line of a neighbor, or of a group of them, says that it is, or
// may be, in the AS.
func isInternal(words []string, asn uint32) bool {
	for i, word := range words[:len(words)-1] {
		if word != "remote-as" {
			continue
		}
		as := words[i+1]
		is, ok := parseASN(as)
		return as == "internal" || as == "auto" || ok && is == asn
	}
	return false
}

// isInstance tells whether a line begins the instance of an ASN in the default VRF.
func isInstance(words []string, asn uint32) bool {
	if len(words) < 3 || words[0] != "router" || words[1] != "bgp" {
		return false
	}
	is, ok := parseASN(words[2])
	other := len(words) > 3 && (words[3] == "vrf" || words[3] == "view")
	return ok && is == asn && !other
}

// parseASN reads an ASN, also one in the form of RFC 5396, such as "1.10".
func parseASN(s string) (uint32, bool) {
	high, low, dotted := strings.Cut(s, ".")
	if !dotted {
		n, err := strconv.ParseUint(s, 10, 32)
		return uint32(n), err == nil
	}
	h, err1 := strconv.ParseUint(high, 10, 16)
	l, err2 := strconv.ParseUint(low, 10, 16)
	return uint32(h<<16 | l), err1 == nil && err2 == nil
}

// network reads what follows `network`.
func (r *running) network(words []string) {
	if len(words) == 0 {
		return
	}
	p, err := netip.ParsePrefix(words[0])
	if err != nil {
		return
	}
	name := ""
	for i, word := range words[:len(words)-1] {
		if word == "route-map" {
			name = words[i+1]
		}
	}
	r.networks[p.Masked()] = name
}
