package keepalived

import (
	"time"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// writeAnnouncements says when the addresses are announced.
func (im *importer) writeAnnouncements(t *document.Table, i *instance) {
	own, all := &i.announcement, im.announcedByAll()
	delay, repeat := own.delay.or(all.delay), own.repeat.or(all.repeat)
	if delay.given() {
		im.set(t, "garp_delay", document.Duration(im.cut(delay, longestDelay)), delay.by)
	}
	usual := repeats(max(repeat.is(usualRepeat), 1), delay.is(usualDelay))
	if repeat.given() || usual != usualRepeat {
		im.set(t, "garp_repeat", document.Number(usual), firstBy(repeat.by, delay.by))
	}
	im.writeLowerPriority(t, i, usual, delay.is(usualDelay))
	refresh, by := often(own.refresh.or(all.refresh), im.extra(i))
	im.set(t, "garp_refresh", document.Duration(refresh), by)
	if again := own.refreshRepeat.or(all.refreshRepeat); again.given() && refresh > 0 {
		im.set(t, "garp_refresh_repeat", document.Number(min(max(again.value, 1), mostRepeats)), again.by)
	}
	if pace := im.pace(i); pace.value > 0 {
		im.set(t, "garp_interval", document.Duration(im.cut(pace, longestPace)), pace.by)
	}
}

// announcedByAll is what instances do that do not say it themselves.
func (im *importer) announcedByAll() announcement {
	all := im.routing.globals.announcement
	if minimal := im.routing.globals.minimalGARP; minimal.value {
		all.delay, all.repeat = all.delay.or(said[time.Duration]{0, minimal.by}), all.repeat.or(said[int]{1, minimal.by})
	}
	return all
}

// writeLowerPriority says when they are announced after an advert of lower priority, where that
// is not as often as usual and for the last time not when it is usual. What an instance says of
// take-overs does not count for it with keepalived, but what global_defs says does.
func (im *importer) writeLowerPriority(t *document.Table, i *instance, usual int, usually time.Duration) {
	own, all := &i.announcement, im.announcedByAll()
	delay, repeat := own.lowerDelay.or(all.lowerDelay), own.lowerRepeat.or(all.lowerRepeat)
	if strict := i.strict.or(im.routing.globals.strict); strict.value {
		im.unheeded("does not count with vrrp_strict, for keepalived either", delay.by, repeat.by)
		im.set(t, "garp_lower_priority_repeat", document.Number(0), strict.by)
		return
	}
	repeat = repeat.or(all.repeat)
	if repeat.given() && repeat.value == 0 {
		im.unheeded("does nothing where the repeat is 0, there as here", delay.by)
		im.set(t, "garp_lower_priority_repeat", document.Number(0), repeat.by)
		return
	}
	delay = delay.or(all.delay).or(said[time.Duration]{usualDelay, own.delay.by})
	if n := repeats(repeat.is(usualRepeat), delay.value); n != usual {
		im.set(t, "garp_lower_priority_repeat", document.Number(n), firstBy(repeat.by, own.repeat.by, delay.by))
	}
	if delay.value != usually {
		im.set(t, "garp_lower_priority_delay", document.Duration(im.cut(delay, longestDelay)), delay.by)
	}
}

// unheeded says why statements, of which some may not be there, do nothing.
func (im *importer) unheeded(why string, list ...*syntax.Statement) {
	for _, s := range list {
		if s != nil {
			im.remark(s, why)
		}
	}
}

// extra returns how often addresses on a device of their own are announced besides.
func (im *importer) extra(i *instance) said[time.Duration] {
	if i.vmac.given() {
		return i.announcement.extra.or(im.routing.globals.announcement.extra)
	}
	if own := i.announcement.extra; own.given() {
		im.remark(own.by, "does nothing without use_vmac, there as here")
	}
	return said[time.Duration]{}
}

// What perch allows of announcements.
const (
	mostRepeats  = 100
	longestPace  = time.Second
	longestDelay = 1000 * time.Second // of a start, too
)

// What keepalived does of itself.
const (
	usualRepeat = 5
	usualDelay  = 5 * time.Second
)

// repeats returns how often a new master announces its addresses: keepalived does so
// repeat times at once and as often again after a delay, of which here one is left.
func repeats(repeat int, delay time.Duration) int {
	if delay > 0 {
		repeat++
	}
	return min(max(repeat, 1), mostRepeats)
}

// often returns the shorter of two times, of which 0 is never.
func often(a, b said[time.Duration]) (time.Duration, *syntax.Statement) {
	if a.value == 0 || b.value != 0 && b.value < a.value {
		a = b.or(a)
	}
	return a.value, a.by
}

// pace returns what is left between announcements on the instance's interface.
func (im *importer) pace(i *instance) said[time.Duration] {
	g, own := &im.routing.globals, im.routing.pacings[i.iface.value]
	if i.ipv6() {
		return own.na.or(g.naInterval)
	}
	return own.garp.or(g.garpInterval)
}
