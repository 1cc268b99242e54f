package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// instance is a virtual router of a keepalived.conf.
type instance struct {
	device string
	vrid   int
}

// instances reads those that stand in the file itself: what is included is not looked at.
func instances(text string) (all []instance) {
	var now *instance
	depth := 0
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line, _, _ = strings.Cut(line, "!")
		words := strings.Fields(line)
		if len(words) > 0 && words[0] == "vrrp_instance" {
			all = append(all, instance{})
			now, depth = &all[len(all)-1], 0
		}
		if now != nil && len(words) > 1 && depth == 1 {
			switch words[0] {
			case "interface":
				now.device = words[1]
			case "virtual_router_id":
				now.vrid, _ = strconv.Atoi(words[1])
			}
		}
		depth += strings.Count(line, "{") - strings.Count(line, "}")
	}
	return all
}

// rivals finds other programs of this host that would do what perch does.
func rivals(c *config.Config, f Facts) (all []Finding) {
	for _, p := range f.Processes {
		subject := fmt.Sprintf("%s (process %d)", p.Name, p.PID)
		switch {
		case p.Name == "keepalived" && len(p.Instances) > 0:
			all = append(all, shared(c, p, subject)...)
		case slices.Contains([]string{"keepalived", "vrrpd", "ucarp"}, p.Name) && len(c.VRRP) > 0:
			all = append(all, Finding{
				Hint, subject, "runs beside the [[vrrp]] of this config: each VRID of an interface, and each address, may be that of one of both only", "ps -fp " + strconv.Itoa(p.PID),
			})
		}
	}
	all = append(all, overheard(c, f)...)
	daemons := f.daemons()
	if len(daemons) > 1 {
		all = append(all, Finding{
			Warning, "perch", fmt.Sprintf("runs %d times in this network namespace, as processes %s: one of them is refused its fence", len(daemons), pids(daemons)), "ps -C perch -f",
		})
	}
	return all
}

// shared is about what a keepalived has as well.
func shared(c *config.Config, p Process, subject string) (all []Finding) {
	for i := range c.VRRP {
		r := &c.VRRP[i]
		if slices.Contains(p.Instances, instance{r.Interface, r.VRID}) {
			all = append(all, Finding{
				Error, subject, fmt.Sprintf("has VRID %d on %s, which is that of %s here: both would be the router, and fight for its addresses", r.VRID, r.Interface, r.Name),
				"systemctl disable --now keepalived",
			})
		}
	}
	return all
}

func pids(all []Process) string {
	var names []string
	for _, p := range all {
		names = append(names, strconv.Itoa(p.PID))
	}
	return list(names)
}

// confOf returns the config that a command line of keepalived names.
func confOf(argv []string) string {
	for i, arg := range argv {
		if path, ok := strings.CutPrefix(arg, "--use-file="); ok {
			return path
		}
		if (arg == "-f" || arg == "--use-file") && i+1 < len(argv) {
			return argv[i+1]
		}
	}
	return "/etc/keepalived/keepalived.conf"
}
