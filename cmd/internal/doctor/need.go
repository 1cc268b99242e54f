package doctor

import (
	"fmt"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// need is sysctls that have to be set together for one reason.
type need struct {
	severity Severity
	settings []sysctl.Setting // in the order in which they are to be set
	why      string           // what comes of it if they are not
}

// examine returns false if all is set.
func (n need) examine(f Facts) (Finding, bool) {
	unmet := n.unmet(f)
	if len(unmet) == 0 {
		return Finding{}, false
	}
	var words []string
	for _, s := range unmet {
		words = append(words, s.String())
	}
	last := unmet[len(unmet)-1].Name
	is, before := state(f, last)
	return Finding{
		Severity: n.severity,
		Subject:  sysctl.Display(last),
		Text:     is + ": " + n.why,
		Command:  before + "sysctl -w " + strings.Join(words, " "),
	}, true
}

func (n need) unmet(f Facts) (unmet []sysctl.Setting) {
	for _, s := range n.settings {
		if value, known := f.Sysctls[s.Name]; !known || !s.Met(value) {
			unmet = append(unmet, s)
		}
	}
	return unmet
}

// state says what a sysctl is, and what has to be done before it can be set.
func state(f Facts, name string) (is, before string) {
	value, known := f.Sysctls[name]
	switch {
	case known:
		return fmt.Sprint("is ", value), ""
	case strings.HasPrefix(name, "net/ipv4/vs/"):
		return "is 0 as soon as ip_vs is loaded", "modprobe ip_vs && "
	default:
		return "is not there", ""
	}
}
