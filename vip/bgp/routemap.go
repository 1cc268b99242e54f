package bgp

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const prepend = "set as-path prepend"

// mostMetric is the metric of a fresh route of term 0.
const mostMetric = math.MaxInt32

// metricOf is that of the fresh routes of a term. Of routes from one AS that are alike
// otherwise, routers prefer the one of the lowest metric, which is that of the last owner.
func metricOf(term uint64) uint32 { return uint32(mostMetric - min(term, mostMetric)) }

// sets returns what the route-map of a standing sets. Of routes with paths of one length the
// origin counts, and then the metric. A leaving one has a longer path, or a lower preference
// in its own AS, whose routers take no route that has the AS in its path.
func (r running) sets(asn uint32, s standing) []string {
	if s == fresh {
		return []string{fmt.Sprintf("set metric %d", r.metric)}
	}
	lines := []string{"set origin incomplete"}
	switch {
	case s == leaving && r.internal:
		lines = append(lines, "set local-preference 0")
	case s == leaving:
		lines = append(lines, fmt.Sprintf("%s %d", prepend, asn))
	}
	return lines
}

// routeMap returns the commands that define the route-map of a standing.
func (r running) routeMap(asn uint32, s standing) []string {
	lines := []string{s.entry()}
	if s == leaving && r.internal {
		lines = append(lines, "no "+prepend)
	}
	return append(lines, r.sets(asn, s)...)
}

// entry is the only entry of a standing's route-map.
func (s standing) entry() string { return "route-map " + s.routeMap() + " permit 10" }

// parseRouteMaps tells of which standings the route-map is in the configuration, with just
// what it is to have. One may be there by half: perch was cut short while it was told, or it
// is that of an earlier ASN or term, or of before bgpd had neighbors in its own AS.
func (r running) parseRouteMaps(text string, asn uint32) map[standing]bool {
	said := map[string][]string{} // what follows a line of its own
	head := ""
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if line[0] != ' ' {
			head = trimmed
		}
		said[head] = append(said[head], trimmed)
	}
	whole := map[standing]bool{}
	for _, s := range mapped() {
		there, want := said[s.entry()], r.sets(asn, s)
		missing := slices.ContainsFunc(want, func(line string) bool { return !slices.Contains(there, line) })
		surplus := slices.ContainsFunc(there, func(line string) bool {
			return strings.HasPrefix(line, prepend) && !slices.Contains(want, line)
		})
		if len(there) > 0 && !missing && !surplus {
			whole[s] = true
		}
	}
	return whole
}

// defines tells whether the route-map of a standing is there, if it needs one.
func (r running) defines(s standing) bool { return s == alike || r.routeMaps[s] }
