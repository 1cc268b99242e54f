package keepalived

import (
	"math"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

const noBFD = "perch does not speak BFD: a [[check]] of kind gateway with a short interval notices nearly as soon that a neighbor is gone"

// routingWords are the words outside of all blocks that are about virtual routers, and about
// keepalived as a whole.
func routingWords() vocabulary[*importer] {
	v := vocabulary[*importer]{
		"global_defs":              opens(readGlobals),
		"vrrp_instance":            opens(readInstance),
		"vrrp_sync_group":          opens(readSyncGroup),
		"vrrp_script":              opens(readScript),
		"vrrp_track_process":       opens(readProcess),
		"bfd_instance":             opens(readBFD),
		"static_ipaddress":         opens(readStaticAddresses),
		"static_routes":            opens(readStaticRoutes),
		"static_rules":             opens(readStaticRules),
		"garp_group":               opens(readPacing),
		"interface_up_down_delays": opens(readLinkDelays),
		"net_namespace": keepText(func(im *importer) *said[string] {
			return &im.routing.globals.namespace
		}),
		"track_group": lost[*importer]("lets instances be in fault while a static address, route or rule is gone",
			"perch puts back what somebody has removed, and the router stays what it is"),
		"linkbeat_interfaces": lost[*importer]("asks these interfaces for their carrier again and again",
			"perch hears of it from the kernel, and looks at a master's ten times a second"),
		"linkbeat_use_polling": lost[*importer]("asks interfaces for their carrier again and again",
			"perch hears of it from the kernel, and looks at a master's ten times a second"),
		"namespace_with_ipsets": needless[*importer](),
		"child_wait_time":       needlessNumber[*importer](0, math.MaxUint32),
	}
	v.all(opens(readTrackFile), "track_file", "vrrp_track_file")
	v.all(lost[*importer]("keeps what several on one machine write apart",
		"give each a file with a node.socket and a node.data_dir of its own"), "instance", "use_pid_dir")
	return v
}

// readLinkDelays reads interface_up_down_delays { IF DOWN [UP] }.
func readLinkDelays(im *importer, s *syntax.Statement, _ *importer) {
	for _, line := range im.block(s) {
		args := line.Args()
		if len(args) == 0 || len(args) > 2 {
			im.wrong(line, "must be an interface with one or two numbers of seconds")
			continue
		}
		delay := linkDelay{by: line}
		var ok bool
		if delay.down, ok = im.linkDelay(line, args[0]); !ok {
			continue
		}
		if len(args) == 2 { // otherwise an interface that is up counts at once
			if delay.up, ok = im.linkDelay(line, args[1]); !ok {
				continue
			}
		}
		im.routing.linkDelays[line.Keyword()] = delay
	}
}

func (im *importer) linkDelay(s *syntax.Statement, text string) (time.Duration, bool) {
	d, err := seconds(text)
	if err != nil || d > 255*time.Second {
		im.wrong(s, quoted(text)+" must be seconds from 0 to 255")
		return 0, false
	}
	return d, true
}

// readPacing reads a garp_group.
func readPacing(im *importer, s *syntax.Statement, _ *importer) {
	group := &pacingGroup{}
	readBlock(im, "garp_group", im.block(s), im.routing.words.pacing, group)
	for _, name := range group.interfaces {
		im.routing.pacings[name] = group.pacing
	}
}

type pacingGroup struct {
	pacing
	interfaces []string
}

func pacingWords() vocabulary[*pacingGroup] {
	return vocabulary[*pacingGroup]{
		"garp_interval": keepTimer(0, longest, func(g *pacingGroup) *said[time.Duration] { return &g.garp }),
		"gna_interval":  keepTimer(0, longest, func(g *pacingGroup) *said[time.Duration] { return &g.na }),
		"interface": means(func(im *importer, s *syntax.Statement, g *pacingGroup) {
			if name, ok := im.one(s); ok {
				g.interfaces = append(g.interfaces, name)
			}
		}),
		"interfaces": opens(func(im *importer, s *syntax.Statement, g *pacingGroup) {
			for _, line := range im.block(s) {
				g.interfaces = append(g.interfaces, line.Words...)
			}
			im.remark(s, "each interface is paced by itself, not all of them together")
		}),
	}
}
