package keepalived

import (
	"fmt"
	"math"
	"time"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// said is a value, and the statement that says it; nobody says the zero one.
type said[T any] struct {
	value T
	by    *syntax.Statement
}

func (v said[T]) given() bool { return v.by != nil }

// or returns v, or the other one where nobody says v.
func (v said[T]) or(other said[T]) said[T] {
	if v.given() {
		return v
	}
	return other
}

// is returns the value, or a default where nobody says it.
func (v said[T]) is(normal T) T {
	if v.given() {
		return v.value
	}
	return normal
}

// keep takes what a statement says. What was said before in the same block counts no more, for
// keepalived either.
func keep[T comparable](im *importer, at *said[T], value T, by *syntax.Statement) {
	if at.value != value {
		im.replaced(at.by, by)
	}
	*at = said[T]{value, by}
}

// cut returns a time, or in its place the longest that perch has.
func (im *importer) cut(v said[time.Duration], most time.Duration) time.Duration {
	if v.value > most {
		im.remark(v.by, fmt.Sprintf("becomes %v s, the longest that perch has", most.Seconds()))
	}
	return min(v.value, most)
}

// replaced says of a statement, if there is one, that a later one counts in its place.
func (im *importer) replaced(s, by *syntax.Statement) {
	if s != nil {
		im.remark(s, "does nothing, since another value is given at "+by.Position.String())
	}
}

// keepNumber is a keyword with an integer from least to most.
func keepNumber[T any](least, most int, at func(T) *said[int]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		if n, ok := im.number(s, least, most); ok {
			keep(im, at(into), n, s)
		}
	})
}

// keepTimer is a keyword with a number of seconds.
func keepTimer[T any](least, most time.Duration, at func(T) *said[time.Duration]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		if d, ok := im.timer(s, least, most); ok {
			keep(im, at(into), d, s)
		}
	})
}

// keepSeconds is a keyword with a whole number of seconds.
func keepSeconds[T any](least, most int, at func(T) *said[time.Duration]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		if n, ok := im.number(s, least, most); ok {
			keep(im, at(into), time.Duration(n)*time.Second, s)
		}
	})
}

// keepRepeat is a keyword with how often something is announced, of which keepalived takes 0 for 1.
func keepRepeat[T any](at func(T) *said[int]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		n, ok := im.repeat(s)
		if ok && n == 0 {
			im.remark(s, "is taken for 1, as keepalived takes it")
			n = 1
		}
		if ok {
			keep(im, at(into), n, s)
		}
	})
}

// keepRepeatOrNone is a keyword with how often something is announced, if ever.
func keepRepeatOrNone[T any](at func(T) *said[int]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		if n, ok := im.repeat(s); ok {
			keep(im, at(into), n, s)
		}
	})
}

// repeat reads how often something is announced, as far as perch does so.
func (im *importer) repeat(s *syntax.Statement) (n int, ok bool) {
	n, ok = im.number(s, 0, math.MaxUint32)
	if n > mostRepeats {
		im.remark(s, fmt.Sprintf("becomes %d, the most that perch has", mostRepeats))
	}
	return min(n, mostRepeats), ok
}

// keepFlag is a keyword that means on, and may be told to mean off.
func keepFlag[T any](at func(T) *said[bool]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		if on, ok := im.flag(s); ok {
			keep(im, at(into), on, s)
		}
	})
}

// keepText is a keyword with one word.
func keepText[T any](at func(T) *said[string]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		if text, ok := im.one(s); ok {
			keep(im, at(into), text, s)
		}
	})
}

// place returns where a statement stands; nil stands nowhere.
func place(s *syntax.Statement) document.Place {
	if s == nil {
		return document.Place{}
	}
	return document.Place{File: s.File, Line: s.Line}
}

// block returns what stands in the braces of a statement, which must have some.
func (im *importer) block(s *syntax.Statement) []*syntax.Statement {
	if !s.Braces {
		im.wrong(s, "must have a block in braces")
	}
	return s.Block
}

// remark says of a statement what is different from what it says.
func (im *importer) remark(s *syntax.Statement, text string) {
	im.note(s.Position, s.Keyword(), text)
}

// again says of a program or FIFO that only the first of its kind counts.
func (im *importer) again(s, first *syntax.Statement) {
	im.remark(s, "is given already, at "+first.Position.String()+": keepalived heeds the first one only, and so it is here")
}

// claim returns the comments of a statement, for the line that it became; later ones get none.
func (im *importer) claim(s *syntax.Statement) []string {
	if s == nil || len(s.Comments) == 0 || im.claimed[s] {
		return nil
	}
	im.claimed[s] = true
	return im.discreet(s.Comments)
}

// rest returns the comments that nobody has claimed of statements and what is in their blocks.
func (im *importer) rest(statements []*syntax.Statement) (comments []string) {
	for _, s := range statements {
		comments = append(comments, im.claim(s)...)
		comments = append(comments, im.rest(s.Block)...)
	}
	return comments
}

// set gives a table a key that a statement says, with its comments; nil is a default of keepalived.
func (im *importer) set(t *document.Table, name string, v document.Value, by *syntax.Statement) {
	t.Set(name, v, place(by)).Comments = im.claim(by)
}
