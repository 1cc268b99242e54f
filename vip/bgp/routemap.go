package bgp

import (
	"fmt"
	"slices"
	"strings"
)

// routeMap returns the commands that define the route-map of a standing. Of routes with
// paths of one length the origin counts.
func routeMap(asn uint32, s standing) []string {
	lines := []string{"route-map " + s.routeMap() + " permit 10", "set origin incomplete"}
	if s == leaving {
		lines = append(lines, fmt.Sprintf("set as-path prepend %d", asn))
	}
	return append(lines, "exit")
}

// parseRouteMaps tells of which standings the route-map is in a running configuration, with
// all that routeMap sets. One may be there by half: perch was cut short while it was told,
// or it is that of an earlier ASN.
func parseRouteMaps(text string, asn uint32) map[standing]bool {
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
	for _, s := range []standing{settled, leaving} {
		lines := routeMap(asn, s)
		lines = lines[:len(lines)-1] // without the exit
		if !slices.ContainsFunc(lines, func(line string) bool { return !slices.Contains(said[lines[0]], line) }) {
			whole[s] = true
		}
	}
	return whole
}

// defines tells whether the route-map of a standing is there. A fresh one needs none.
func (r running) defines(s standing) bool { return s == fresh || r.routeMaps[s] }
