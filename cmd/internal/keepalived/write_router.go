package keepalived

import (
	"fmt"
	"time"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// writeInstance says in a [[vrrp]] what a vrrp_instance means.
func (im *importer) writeInstance(i *instance) {
	t := im.doc.Element("vrrp", place(i.by))
	t.Comments = im.claim(i.by)
	t.Set("name", document.Text(i.title), place(i.by))
	im.set(t, "interface", document.Text(i.iface.value), i.iface.by)
	im.set(t, "vrid", document.Number(i.vrid.value), i.vrid.by)
	version := im.version(i)
	im.set(t, "version", document.Number(version.value), version.by)
	im.writePriority(t, i)
	im.writeInterval(t, i)
	if len(i.addresses) > 0 {
		im.writeAddresses(t, "addresses", im.above(i.by, "virtual_ipaddress"), i.addresses)
	} else {
		im.writeNoAddress(t, i)
	}
	im.writeAddresses(t, "excluded_addresses", im.above(i.by, "virtual_ipaddress_excluded"), i.excluded)
	im.writePreemption(t, i)
	im.writeStartDelay(t, i)
	im.writeDevice(t, i)
	im.writeLink(t, i)
	im.writeTransport(t, i, version.value)
	im.writeAccept(t, i, version.value)
	im.writeAnnouncements(t, i)
	im.writeRoutes(t, im.above(i.by, "virtual_routes"), i.routes)
	im.writeRules(t, im.above(i.by, "virtual_rules"), withFamilies(i.rules, func(r *rule) bool { return r.ipv6 != i.ipv6() }))
	im.writeTracks(t, i.by, i.counting())
	im.writeAuth(t, i, version.value)
	t.Comments = append(t.Comments, im.rest(i.by.Block)...)
}

// version returns that of the instance: over IPv6 the global one does not count.
func (im *importer) version(i *instance) said[int] {
	v := i.version
	if !v.given() && i.ipv6() {
		v.value = 3
		return v
	}
	v = v.or(im.routing.globals.version)
	v.value = v.is(2)
	return v
}

func (im *importer) strict(i *instance) bool {
	return i.strict.or(im.routing.globals.strict).value
}

func (im *importer) writePriority(t *document.Table, i *instance) {
	if i.state.value == "MASTER" {
		if i.priority.given() && !i.owner() {
			im.remark(i.state.by, "perch begins as backup, and the highest priority decides, as it does with keepalived after the first election")
		} else if !i.priority.given() {
			im.remark(i.state.by, "without a priority it means priority 255, as keepalived takes it")
		}
	}
	if i.state.value == "BACKUP" && i.owner() {
		im.remark(i.state.by, "with priority 255 perch is master as soon as it starts (RFC 9568), where keepalived first waits for another master, for three intervals")
	}
	im.set(t, "priority", document.Number(i.effectivePriority()), firstBy(i.priority.by, i.state.by))
}

// interval returns the interval of adverts, rounded to what one can carry, as keepalived does.
func (im *importer) interval(i *instance) time.Duration {
	unit, most := 10*time.Millisecond, 40950*time.Millisecond
	if im.version(i).value == 2 {
		unit, most = time.Second, 255*time.Second
	}
	return min(max(i.advert.is(time.Second).Round(unit), unit), most)
}

func (im *importer) writeInterval(t *document.Table, i *instance) {
	if !i.advert.given() {
		return
	}
	d := im.interval(i)
	if d != i.advert.value {
		im.remark(i.advert.by, fmt.Sprintf("version %d cannot carry it: keepalived makes %v of it, and so it is here", im.version(i).value, d))
	}
	im.set(t, "advert_interval", document.Duration(d), i.advert.by)
}

// writePreemption leaves out what keepalived does not heed.
func (im *importer) writePreemption(t *document.Table, i *instance) {
	none, delay := i.noPreempt.value, i.preemptDelay.value
	why := ""
	switch {
	case i.owner():
		why = "with priority 255"
	case im.beginsAsMaster(i):
		why = "with state MASTER"
	}
	switch {
	case none && why != "":
		im.remark(i.noPreempt.by, "does not count "+why+", for keepalived either")
	case none:
		im.set(t, "preempt", document.Flag(false), i.noPreempt.by)
	}
	if why == "" && none {
		why = "with nopreempt"
	}
	if why == "" && im.strict(i) {
		why = "with vrrp_strict"
	}
	switch {
	case delay != 0 && why != "":
		im.remark(i.preemptDelay.by, "does not count "+why+", for keepalived either")
	case delay != 0:
		im.set(t, "preempt_delay", document.Duration(delay), i.preemptDelay.by)
	}
}

// beginsAsMaster reports whether state MASTER counts: not so with AH, and with vrrp_strict
// only for priority 255.
func (im *importer) beginsAsMaster(i *instance) bool {
	return i.state.value == "MASTER" && i.auth.kind.value != "ah" && (!im.strict(i) || i.owner())
}

func (im *importer) writeStartDelay(t *document.Table, i *instance) {
	delay := im.routing.globals.startupDelay
	switch {
	case delay.value == 0:
		return
	case i.owner():
		im.remark(i.by, "with priority 255 it is master at once, without vrrp_startup_delay")
		return
	}
	im.set(t, "start_delay", document.Duration(im.cut(delay, longestDelay)), delay.by)
}

func (im *importer) writeLink(t *document.Table, i *instance) {
	if i.ignorePrimary.value {
		im.set(t, "track_own_interface", document.Flag(false), i.ignorePrimary.by)
	}
	if delay, ok := im.routing.linkDelays[i.iface.value]; ok {
		if delay.down > 0 {
			im.set(t, "link_down_delay", document.Duration(delay.down), delay.by)
		}
		if delay.up > 0 {
			im.set(t, "link_up_delay", document.Duration(delay.up), delay.by)
		}
	}
}

// firstBy returns the first statement that is there.
func firstBy(list ...*syntax.Statement) *syntax.Statement {
	for _, s := range list {
		if s != nil {
			return s
		}
	}
	return nil
}
