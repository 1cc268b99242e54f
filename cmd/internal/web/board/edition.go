package board

import (
	"strconv"
	"time"
)

// Edition is a dashboard at one moment.
type Edition struct {
	Sections []Section
	page     []byte
	tick     []byte
}

// Section is a part of the page.
type Section struct {
	ID      string
	HTML    []byte // in one line
	Shape   uint32 // of the HTML without its numbers
	Numbers []byte // each with a space behind it
}

// key is what a browser knows a section's shape by.
func (s *Section) key() string { return s.ID + ":" + strconv.FormatUint(uint64(s.Shape), 36) }

// Make makes an edition.
func Make(v *View) *Edition {
	all := v.parties()
	e, worst := &Edition{}, well
	for _, each := range []struct {
		id    string
		write func(*writer)
	}{
		{"headline", func(w *writer) { worst = w.headline(v, all) }},
		{"warnings", func(w *writer) { w.warnings(all) }},
		{"vips", func(w *writer) { w.vips(v) }},
		{"nodes", func(w *writer) { w.nodes(v) }},
		{"vrrp", func(w *writer) { w.routers(v, all) }},
		{"checks", func(w *writer) { w.checks(all) }},
		{"services", func(w *writer) { w.services(all) }},
		{"bgp", func(w *writer) { w.bgp(all) }},
		{"notify", func(w *writer) { w.notify(all) }},
		{"moves", func(w *writer) { w.moves(v) }},
		{"events", func(w *writer) { w.events(v) }},
	} {
		w := &writer{now: v.Now}
		each.write(w)
		e.Sections = append(e.Sections, w.section(each.id))
	}
	e.page = appendPage(nil, v, worst, e.Sections)
	e.tick = append(appendNow(nil, v.Now), '\n')
	e.tick = v.Now.AppendFormat(e.tick, nowLayout)
	return e
}

// Page returns the whole page.
func (e *Edition) Page() []byte { return e.page }

// Tick returns when this edition was made: for the script, and behind a line feed for
// people.
func (e *Edition) Tick() []byte { return e.tick }

// Keys returns what a browser that has this edition would say that it has.
func (e *Edition) Keys() map[string]bool {
	keys := make(map[string]bool, len(e.Sections))
	for i := range e.Sections {
		keys[e.Sections[i].key()] = true
	}
	return keys
}

// Change is what is new of a section.
type Change struct {
	Event string // "section" or "numbers"
	Data  []byte // the section's key and a line feed, then its HTML, or its numbers
}

// Changes returns what is new for a browser that has sections of these keys. Numbers are
// left out where last, the edition that it had before, has the same; it may be nil.
func (e *Edition) Changes(has map[string]bool, last *Edition) []Change {
	var changes []Change
	for i := range e.Sections {
		s := &e.Sections[i]
		switch {
		case !has[s.key()]:
			changes = append(changes, Change{"section", join(s.key(), s.HTML)})
		case len(s.Numbers) > 0 && (last == nil || string(last.Sections[i].Numbers) != string(s.Numbers)):
			changes = append(changes, Change{"numbers", join(s.key(), s.Numbers)})
		}
	}
	return changes
}

func join(key string, data []byte) []byte {
	return append(append([]byte(key), '\n'), data...)
}

// nowLayout is how people are told when an edition was made.
const nowLayout = "2006-01-02 15:04:05 MST"

// appendNow appends when an edition was made as the script is told.
func appendNow(b []byte, now time.Time) []byte {
	return now.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
}
