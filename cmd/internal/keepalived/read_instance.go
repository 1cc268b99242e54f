package keepalived

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

func readInstance(im *importer, s *syntax.Statement, _ *importer) {
	name, ok := im.one(s)
	if !ok {
		return
	}
	i := &instance{by: s, name: name, special: im.routing.usual}
	if first := im.routing.instanceNames[name]; first != nil {
		im.wrong(s, quoted(name)+" was given before, at "+first.by.Position.String())
		return
	}
	readBlock(im, "vrrp_instance "+name, im.block(s), im.routing.words.instance, i)
	im.routing.instanceNames[name] = i
	im.routing.instances = append(im.routing.instances, i)
	if len(i.addresses)+len(i.excluded) > 1 {
		im.dropRepeated(i)
	}
	if len(i.peers) > 0 {
		im.dropPeers(i)
	}
	im.checkInstance(i)
}

// checkInstance wants what keepalived runs no instance without.
func (im *importer) checkInstance(i *instance) {
	if !i.by.Braces {
		return
	}
	im.checkAuthentication(&i.auth)
	if !i.vrid.given() {
		im.wrong(i.by, quoted(i.name)+" has no virtual_router_id; must have one from 1 to 255")
	}
	if !i.iface.given() {
		im.wrong(i.by, quoted(i.name)+" has no interface; must have one, also with unicast_peer")
	}
	switch {
	case i.noAddress.value && len(i.addresses) > 0:
		im.remark(i.noAddress.by, "does nothing beside addresses, there as here")
	case !i.noAddress.value && len(i.addresses) == 0 && !lists(i.by, "virtual_ipaddress"):
		im.wrong(i.by, quoted(i.name)+" has no virtual_ipaddress; must have one, for the adverts, or no_virtual_ipaddress")
	}
	if i.faultWithoutPeer.value && i.unicast.given() && len(i.peers) == 0 {
		im.wrong(i.unicast.by, "has no peer, which is a fault with unicast_fault_no_peer")
	}
}

// lists reports whether a block has one with the keyword that is not empty.
func lists(s *syntax.Statement, keyword string) bool {
	return slices.ContainsFunc(s.Block, func(in *syntax.Statement) bool { return in.Keyword() == keyword && len(in.Block) > 0 })
}

// instanceWords are the words of a vrrp_instance.
func instanceWords() vocabulary[*instance] {
	v := vocabulary[*instance]{
		"state":             means(readState),
		"interface":         keepText(func(i *instance) *said[string] { return &i.iface }),
		"vrf":               means(readVRF),
		"native_ipv6":       means(readNativeIPv6),
		"virtual_router_id": keepNumber(1, 255, func(i *instance) *said[int] { return &i.vrid }),
		"priority":          keepNumber(1, 255, func(i *instance) *said[int] { return &i.priority }),
		"version":           means(readVersion),
		"advert_int": keepTimer(10*time.Millisecond, 255*time.Second, func(i *instance) *said[time.Duration] {
			return &i.advert
		}),
		"virtual_ipaddress":          opens(readAddresses),
		"virtual_ipaddress_excluded": opens(readExcluded),
		"no_virtual_ipaddress":       keepFlag(func(i *instance) *said[bool] { return &i.own().noAddress }),
		"virtual_routes":             opens(readRoutes),
		"virtual_rules":              opens(readRules),
		"authentication":             opens(readAuthentication),
		"auth_hmac":                  opens(readHMAC),
		"accept":                     keepOn(func(i *instance) *said[bool] { return &i.own().accept }),
		"no_accept":                  keepOff(func(i *instance) *said[bool] { return &i.own().accept }),
		"strict_mode":                keepFlag(func(i *instance) *said[bool] { return &i.own().strict }),
		"nopreempt":                  keepOn(func(i *instance) *said[bool] { return &i.noPreempt }),
		"preempt":                    keepOff(func(i *instance) *said[bool] { return &i.noPreempt }),
		"preempt_delay": keepTimer(0, 1000*time.Second, func(i *instance) *said[time.Duration] {
			return &i.preemptDelay
		}),
		"dont_track_primary": keepOn(func(i *instance) *said[bool] { return &i.own().ignorePrimary }),
		"v3_checksum_as_v2":  keepFlag(func(i *instance) *said[bool] { return &i.own().checksumAsVersion2 }),
		"use_vmac":           means(readVMAC),
		"vmac_xmit_base":     keepOn(func(i *instance) *said[bool] { return &i.own().xmitBase }),
		"lower_prio_no_advert": keepFlag(func(i *instance) *said[bool] {
			return &i.own().lowerPriorityNoAdvert
		}),
		"higher_prio_send_advert": keepFlag(func(i *instance) *said[bool] {
			return &i.own().higherPrioritySendAdvert
		}),
	}
	v.add(instanceTransport(), instanceAnnouncements(), instanceTracks(), instanceNotices(), instanceLost())
	return v
}

func instanceTransport() vocabulary[*instance] {
	v := vocabulary[*instance]{
		"unicast_peer":          opens(readPeers),
		"unicast_fault_no_peer": keepOn(func(i *instance) *said[bool] { return &i.own().faultWithoutPeer }),
		"unicast_ttl":           keepNumber(0, 255, func(i *instance) *said[int] { return &i.own().unicastTTL }),
		"mcast_dst_ip":          keepAddress(func(i *instance) *said[netip.Addr] { return &i.own().multicast }),
		"track_src_ip":          keepOn(func(i *instance) *said[bool] { return &i.own().trackSource }),
	}
	v.all(keepAddress(func(i *instance) *said[netip.Addr] { return &i.own().source }), "unicast_src_ip", "mcast_src_ip")
	return v
}

func instanceAnnouncements() vocabulary[*instance] {
	v := vocabulary[*instance]{
		"garp_master_delay": keepSeconds(0, mostWhole, func(i *instance) *said[time.Duration] {
			return &i.own().announcement.delay
		}),
		"garp_master_repeat": keepRepeat(func(i *instance) *said[int] { return &i.own().announcement.repeat }),
		"garp_master_refresh": keepSeconds(0, 86400, func(i *instance) *said[time.Duration] {
			return &i.own().announcement.refresh
		}),
		"garp_master_refresh_repeat": keepRepeat(func(i *instance) *said[int] {
			return &i.own().announcement.refreshRepeat
		}),
		"garp_lower_prio_delay": keepSeconds(0, mostWhole, func(i *instance) *said[time.Duration] {
			return &i.own().announcement.lowerDelay
		}),
		"garp_lower_prio_repeat": keepRepeatOrNone(func(i *instance) *said[int] {
			return &i.own().announcement.lowerRepeat
		}),
	}
	v.all(means(func(im *importer, s *syntax.Statement, i *instance) { readExtra(im, s, 0, &i.own().announcement) }),
		"garp_extra_if", "vmac_garp_intvl")
	return v
}

// instanceLost are the words of a vrrp_instance that become no key.
func instanceLost() vocabulary[*instance] {
	v := vocabulary[*instance]{
		"owner_ignore_adverts": lost[*instance]("lets a router of priority 255 hear no other's adverts",
			"with perch it listens, so that of two such routers one yields"),
		"down_timer_adverts": downTimer[*instance](),
		"use_vmac_addr": lost[*instance]("gives addresses on further interfaces a virtual MAC",
			"with perch they have the MAC of the interface"),
		"use_ipvlan": lost[*instance]("puts the addresses on an ipvlan",
			"perch puts them on the interface itself, whose MAC an ipvlan has, too"),
		"smtp_alert":                keepFlag(func(i *instance) *said[bool] { return &i.own().alert }),
		"lvs_sync_daemon_interface": means(readSyncInterface),
	}
	v.all(needless[*instance](), // since perch does it always, or has no need of it
		"promote_secondaries", "check_unicast_src",
		"timer_expired_backup", "thread_timer_expired")
	v["old_unicast_checksum"] = means(func(im *importer, s *syntax.Statement, _ *instance) {
		if args := s.Args(); len(args) > 1 || len(args) == 1 && args[0] != "never" {
			im.wrong(s, "must have never behind it, or nothing")
		}
	})
	v["skip_check_adv_addr"] = needlessFlag[*instance]()
	v["kernel_rx_buf_size"] = needlessNumber[*instance](0, math.MaxUint32)
	v["debug"] = needlessNumber[*instance](0, 4)
	v.all(lost[*instance]("asks the interface for its carrier again and again",
		"perch hears of it from the kernel, and looks at a master's ten times a second"), "linkbeat_use_polling")
	return v
}

// readNativeIPv6 wants it before addresses, of which there are none of IPv4 then.
func readNativeIPv6(im *importer, s *syntax.Statement, i *instance) {
	if len(i.addresses) > 0 && !i.ipv6() {
		im.wrong(s, "stands behind addresses of IPv4, for which keepalived ignores it; must be left out")
		return
	}
	i.own().nativeIPv6 = true
}

// readVersion reads the version, which for keepalived is what it knows first of it: that of a
// line before, or 3 where something before is of IPv6.
func readVersion(im *importer, s *syntax.Statement, i *instance) {
	n, ok := im.number(s, 2, 3)
	switch {
	case !ok:
	case i.version.given():
		if n != i.version.value {
			im.again(s, i.version.by)
		}
	case n == 2 && i.beganIPv6():
		im.remark(s, "something of IPv6 stands before it, with which keepalived takes version 3, and so it is here")
		i.version = said[int]{3, s}
	default:
		i.version = said[int]{n, s}
	}
}

// beganIPv6 reports whether something of IPv6 was read.
func (i *instance) beganIPv6() bool { return i.ipv6() || i.speaksIPv6() }

// readVRF reads what tells an interface to one that is in a VRF alone.
func readVRF(im *importer, s *syntax.Statement, _ *instance) {
	if name, ok := im.one(s); ok {
		im.lose(s, "sends adverts by "+quoted(name)+" if no interface is given", "perch sends them by the interface, in whichever VRF it is")
	}
}

func readState(im *importer, s *syntax.Statement, i *instance) {
	state, ok := im.one(s)
	switch {
	case !ok:
	case state == "BACKUP" && i.state.value == "MASTER":
		im.again(s, i.state.by)
	case state == "MASTER", state == "BACKUP":
		keep(im, &i.state, state, s)
	default:
		im.wrong(s, quoted(state)+" must be MASTER or BACKUP")
	}
}

// readSyncInterface reads the interface of the sync daemon of a router, for a file that says
// nothing of it in global_defs.
func readSyncInterface(im *importer, s *syntax.Statement, i *instance) {
	if name, ok := im.one(s); ok {
		im.remark(s, "is said in global_defs today, as lvs_sync_daemon")
		im.routing.oldSync = said[syncDaemon]{syncDaemon{iface: name, instance: i.name}, s}
	}
}
