package keepalived

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// longest is for times that keepalived gives no limit.
const longest = 86400 * time.Second

// What keepalived takes of other times, which it counts in microseconds: mostWhole is for whole
// seconds.
const (
	mostTime  = 4294967295 * time.Microsecond
	mostWhole = 4294
)

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
	v.all(keepTimer(time.Millisecond, mostTime, func(im *importer) *said[time.Duration] { return &im.routing.globals.startupDelay }),
		"vrrp_startup_delay", "vrrp_delay_after_boot")
	return v
}

func globalsOfAnnouncements() vocabulary[*importer] {
	of := func(im *importer) *announcement { return &im.routing.globals.announcement }
	v := vocabulary[*importer]{
		"vrrp_garp_master_delay":   keepSeconds(0, mostWhole, func(im *importer) *said[time.Duration] { return &of(im).delay }),
		"vrrp_garp_master_repeat":  keepRepeat(func(im *importer) *said[int] { return &of(im).repeat }),
		"vrrp_garp_master_refresh": keepSeconds(0, 86400, func(im *importer) *said[time.Duration] { return &of(im).refresh }),
		"vrrp_garp_master_refresh_repeat": keepRepeat(func(im *importer) *said[int] {
			return &of(im).refreshRepeat
		}),
		"vrrp_garp_lower_prio_delay": keepSeconds(0, mostWhole, func(im *importer) *said[time.Duration] {
			return &of(im).lowerDelay
		}),
		"vrrp_garp_lower_prio_repeat": keepRepeatOrNone(func(im *importer) *said[int] { return &of(im).lowerRepeat }),
		"vrrp_garp_interval": keepTimer(time.Microsecond, mostTime, func(im *importer) *said[time.Duration] {
			return &im.routing.globals.garpInterval
		}),
		"vrrp_gna_interval": keepTimer(time.Microsecond, mostTime, func(im *importer) *said[time.Duration] {
			return &im.routing.globals.naInterval
		}),
		"vrrp_min_garp": keepFlag(func(im *importer) *said[bool] { return &im.routing.globals.minimalGARP }),
	}
	v.all(means(func(im *importer, s *syntax.Statement, _ *importer) { readExtra(im, s, 1, of(im)) }),
		"vrrp_garp_extra_if", "vrrp_vmac_garp_intvl")
	return v
}

// readExtra reads how often what is not on the router's interface is announced: [all] N.
func readExtra(im *importer, s *syntax.Statement, least int, a *announcement) {
	args := s.Args()
	if len(args) == 2 && args[0] == "all" {
		args = args[1:]
	}
	if len(args) != 1 {
		im.wrong(s, "must have a number of seconds, with all before it or without")
		return
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < least || n > 86400 {
		im.wrong(s, fmt.Sprintf("%q must be seconds from %d to 86400", args[0], least))
		return
	}
	keep(im, &a.extra, time.Duration(n)*time.Second, s)
}

// readScriptUser reads who runs scripts that say nothing themselves.
func readScriptUser(im *importer, s *syntax.Statement, _ *importer) {
	if user, ok := im.runner(s, s.Args()); ok {
		keep(im, &im.routing.globals.scriptUser, user, s)
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
