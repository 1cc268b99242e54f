package keepalived

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// words are those of a line that is an entry of a block, such as "198.18.0.200/24 dev eth1".
// It remembers what was wrong first, and has no more words then.
type words struct {
	im   *importer
	s    *syntax.Statement
	left []string
	last string
	bad  bool
	lost bool // the line as a whole has no equivalent
}

func newWords(im *importer, s *syntax.Statement) *words {
	return &words{im: im, s: s, left: s.Words}
}

func (w *words) more() bool { return len(w.left) > 0 && !w.bad }

func (w *words) good() bool { return !w.bad }

// next returns the next word, which is there: see more.
func (w *words) next() string {
	w.last, w.left = w.left[0], w.left[1:]
	return w.last
}

// wrong says what is wrong with the line.
func (w *words) wrong(text string) {
	if !w.bad {
		w.im.wrong(w.s, text)
	}
	w.bad = true
}

// lose gives the line up, for what it would add.
func (w *words) lose(what, instead string) {
	w.im.lose(w.s, "adds "+what, instead)
	w.lost, w.left = true, nil
}

// trackGroup reads the track_group of an address, a route or a rule.
func (w *words) trackGroup(of string) {
	w.im.lose(w.s, "lets the instances of track_group "+w.value()+" be in fault while the "+of+" is gone",
		"perch puts back what somebody has removed")
}

// value returns what stands behind the last word.
func (w *words) value() string {
	if len(w.left) == 0 {
		w.wrong(w.last + " has no value behind it")
		return ""
	}
	v := w.left[0]
	w.left = w.left[1:]
	return v
}

// skip passes over a word if it is there.
func (w *words) skip(word string) bool {
	if len(w.left) > 0 && w.left[0] == word {
		w.left = w.left[1:]
		return true
	}
	return false
}

// once is wrong where the last word was on the line before.
func (w *words) once(before string) {
	if before != "" {
		w.wrong(w.last + " stands here twice")
	}
}

// alone is wrong where there was something before that a word names one more of.
func (w *words) alone(before bool, word string) {
	if before {
		w.wrong(quoted(word) + " is one too many; must be on a line of its own")
	}
}

// number returns an integer that stands behind the last word, also as 0x1f.
func (w *words) number(least, most int64) int {
	return w.numberOr(least, most, fmt.Sprintf("a number from %d to %d", least, most))
}

// numberOr does the same where something else than its limits is worth saying.
func (w *words) numberOr(least, most int64, must string) int {
	name, text := w.last, w.value()
	if w.bad {
		return 0
	}
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil || n < least || n > most {
		w.wrong(name + " " + quoted(text) + " must be " + must)
		return 0
	}
	return int(n)
}

// address reads an IP address.
func (w *words) address(text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		w.wrong(quoted(text) + " is no IP address")
		return netip.Addr{}
	}
	return a
}

// network reads an IP address with a prefix length or without.
func (w *words) network(text string) netip.Prefix {
	p, err := prefix(text)
	if err != nil {
		w.wrong(quoted(text) + " is no IP address, with a prefix length or without")
	}
	return p
}

// keepAddress is a keyword with an IP address.
func keepAddress[T any](at func(T) *said[netip.Addr]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		text, ok := im.one(s)
		if !ok {
			return
		}
		a, err := netip.ParseAddr(strings.SplitN(text, "/", 2)[0])
		if err != nil || a.Zone() != "" {
			im.wrong(s, quoted(text)+" is no IP address")
			return
		}
		keep(im, at(into), a, s)
	})
}

// keepOn is a keyword that means on, for keepalived whatever stands behind it.
func keepOn[T any](at func(T) *said[bool]) word[T] { return keepAlways(true, at) }

// keepOff is such a keyword that means off where the one of the value means on.
func keepOff[T any](at func(T) *said[bool]) word[T] { return keepAlways(false, at) }

func keepAlways[T any](value bool, at func(T) *said[bool]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		switch on, ok := im.flag(s); {
		case !ok:
		case !on:
			im.wrong(s, quoted(s.Args()[0])+" changes nothing: keepalived takes the keyword for on all the same; must be left out")
		default:
			keep(im, at(into), value, s)
		}
	})
}

// quoted is a word of the file as it stands in messages.
func quoted(word string) string { return strconv.Quote(word) }
