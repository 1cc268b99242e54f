package bgp

import (
	"fmt"
	"strings"
)

// routeMap is the name of the route-map that gives a route its standing; none for "".
func (s standing) routeMap() string {
	switch s {
	case settled:
		return "perch-settled"
	case leaving:
		return "perch-leaving"
	default:
		return ""
	}
}

// standingOf is the standing that a route-map gives; fresh for any other.
func standingOf(routeMap string) standing {
	for _, s := range []standing{settled, leaving} {
		if routeMap == s.routeMap() {
			return s
		}
	}
	return fresh
}

// definition returns the commands that define the route-map of a standing. Of routes whose
// paths have one length the origin counts.
func (s standing) definition(asn uint32) []string {
	lines := []string{"route-map " + s.routeMap() + " permit 10", "set origin incomplete"}
	if s == leaving {
		lines = append(lines, fmt.Sprintf("set as-path prepend %d", asn))
	}
	return append(lines, "exit")
}

// parseRouteMaps returns the standings whose route-map a configuration has as a whole. One
// that was left off halfway, or has another AS number, is none.
func parseRouteMaps(text string, asn uint32) map[standing]bool {
	said := map[string]bool{} // what follows the line that begins a route-map, with that line
	head := ""
	for line := range strings.Lines(text) {
		words := strings.Join(strings.Fields(line), " ")
		switch {
		case words == "":
		case line[0] != ' ':
			head = words
		default:
			said[head+"\n"+words] = true
		}
	}
	complete := map[standing]bool{}
	for _, s := range []standing{settled, leaving} {
		if s.isDefined(asn, said) {
			complete[s] = true
		}
	}
	return complete
}

func (s standing) isDefined(asn uint32, said map[string]bool) bool {
	lines := s.definition(asn)
	head, sets := lines[0], lines[1:len(lines)-1]
	for _, set := range sets {
		if !said[head+"\n"+set] {
			return false
		}
	}
	return true
}
