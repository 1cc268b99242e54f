package keepalived

import (
	"net/netip"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// longest is for times that keepalived gives no limit.
const longest = 86400 * time.Second

// globalWords are the words of global_defs.
func globalWords() vocabulary[*importer] {
	v := vocabulary[*importer]{}
	v.add(globalsOfRouters(), globalsOfAnnouncements(), globalsOfNotices(), globalsOfMails(), globalsOfPrograms(),
		globalsLost(), balancingGlobals())
	return v
}

func readGlobals(im *importer, s *syntax.Statement, _ *importer) {
	im.routing.globals.blocks = append(im.routing.globals.blocks, s)
	readBlock(im, "global_defs", im.block(s), im.routing.words.global, im)
}

func globalsOfRouters() vocabulary[*importer] {
	v := vocabulary[*importer]{
		"router_id":         keepText(func(im *importer) *said[string] { return &im.routing.globals.routerID }),
		"default_interface": keepText(func(im *importer) *said[string] { return &im.routing.globals.defaultInterface }),
		"vrrp_version":      keepNumber(2, 3, func(im *importer) *said[int] { return &im.routing.globals.version }),
		"vrrp_mcast_group4": keepAddress(func(im *importer) *said[netip.Addr] { return &im.routing.globals.group4 }),
		"vrrp_mcast_group6": keepAddress(func(im *importer) *said[netip.Addr] { return &im.routing.globals.group6 }),
		"vrrp_strict":       keepOn(func(im *importer) *said[bool] { return &im.routing.globals.strict }),
		"v3_checksum_as_v2": keepFlag(func(im *importer) *said[bool] { return &im.routing.globals.checksumAsVersion2 }),
		"vrrp_lower_prio_no_advert": keepFlag(func(im *importer) *said[bool] {
			return &im.routing.globals.lowerPriorityNoAdvert
		}),
		"vrrp_higher_prio_send_advert": keepFlag(func(im *importer) *said[bool] {
			return &im.routing.globals.higherPrioritySendAdvert
		}),
		"log_unknown_vrids": keepOn(func(im *importer) *said[bool] { return &im.routing.globals.logUnknown }),
		"script_user":       means(readScriptUser),
		"vmac_prefix":       keepText(func(im *importer) *said[string] { return &im.routing.globals.vmacPrefix }),
	}
	v.all(keepTimer(0, longest, func(im *importer) *said[time.Duration] { return &im.routing.globals.startupDelay }),
		"vrrp_startup_delay", "vrrp_delay_after_boot")
	return v
}

func globalsOfAnnouncements() vocabulary[*importer] {
	of := func(im *importer) *announcement { return &im.routing.globals.announcement }
	v := vocabulary[*importer]{
		"vrrp_garp_master_delay":   keepTimer(0, longest, func(im *importer) *said[time.Duration] { return &of(im).delay }),
		"vrrp_garp_master_repeat":  keepNumber(0, 1000, func(im *importer) *said[int] { return &of(im).repeat }),
		"vrrp_garp_master_refresh": keepTimer(0, longest, func(im *importer) *said[time.Duration] { return &of(im).refresh }),
		"vrrp_garp_master_refresh_repeat": keepNumber(0, 1000, func(im *importer) *said[int] {
			return &of(im).refreshRepeat
		}),
		"vrrp_garp_interval": keepTimer(0, longest, func(im *importer) *said[time.Duration] {
			return &im.routing.globals.garpInterval
		}),
		"vrrp_gna_interval": keepTimer(0, longest, func(im *importer) *said[time.Duration] {
			return &im.routing.globals.naInterval
		}),
		"vrrp_min_garp": keepFlag(func(im *importer) *said[bool] { return &im.routing.globals.minimalGARP }),
	}
	v.all(means(func(im *importer, s *syntax.Statement, _ *importer) { readExtra(im, s, of(im)) }),
		"vrrp_garp_extra_if", "vrrp_vmac_garp_intvl")
	v.all(means(func(im *importer, s *syntax.Statement, _ *importer) { im.remark(s, lowerPriorityGARP) }),
		"vrrp_garp_lower_prio_delay", "vrrp_garp_lower_prio_repeat")
	return v
}

const lowerPriorityGARP = "after an advert of lower priority all is announced as after a take-over: see garp_delay and garp_repeat"

// readExtra reads how often what is not on the router's interface is announced: [all] N.
func readExtra(im *importer, s *syntax.Statement, a *announcement) {
	args := s.Args()
	if len(args) == 2 && args[0] == "all" {
		args = args[1:]
	}
	if len(args) != 1 {
		im.wrong(s, "must have a number of seconds, with all before it or without")
		return
	}
	d, err := seconds(args[0])
	if err != nil || d > longest {
		im.wrong(s, quoted(args[0])+" must be seconds from 0 to 86400")
		return
	}
	a.extra = said[time.Duration]{d, s}
}

// readScriptUser reads who runs scripts that say nothing themselves.
func readScriptUser(im *importer, s *syntax.Statement, _ *importer) {
	if user, ok := im.runner(s, s.Args()); ok {
		im.routing.globals.scriptUser = said[string]{user, s}
	}
}

// runner reads who runs a program: a user and, maybe, a group.
func (im *importer) runner(s *syntax.Statement, words []string) (user string, ok bool) {
	user, ok = im.user(s, words)
	if ok && len(words) == 2 && words[1] != words[0] {
		im.remark(s, "perch runs programs with the groups that user "+quoted(user)+" has: make "+quoted(words[1])+" one of them")
	}
	return user, ok
}
