package board

import (
	"hash/fnv"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// writer writes one section.
type writer struct {
	now     time.Time
	b       []byte
	numbers []number
}

// number is where a live number stands in what was written.
type number struct{ begin, end int }

// raw appends HTML of this package's own. As the others here it is called so often that
// the program would grow by a tenth of a megabyte if it were inlined.
//
//go:noinline
func (w *writer) raw(html string) *writer {
	w.b = append(w.b, html...)
	return w
}

// text appends what comes from elsewhere.
//
//go:noinline
func (w *writer) text(s string) *writer {
	w.b = appendText(w.b, s)
	return w
}

// int appends a number that seldom changes.
//
//go:noinline
func (w *writer) int(n int) *writer {
	w.b = strconv.AppendInt(w.b, int64(n), 10)
	return w
}

// live appends a number that may change each second.
//
//go:noinline
func (w *writer) live(n uint64) *writer { return w.liveText(appendShort(nil, n)) }

func (w *writer) liveText(text []byte) *writer {
	w.raw("<i>")
	begin := len(w.b)
	w.b = append(w.b, text...)
	w.numbers = append(w.numbers, number{begin, len(w.b)})
	return w.raw("</i>")
}

// time appends a moment, which a browser turns into how long ago that was.
func (w *writer) time(t time.Time) *writer {
	if t.IsZero() {
		return w.raw("–")
	}
	w.raw(`<time datetime="`)
	w.b = t.UTC().AppendFormat(w.b, "2006-01-02T15:04:05Z")
	w.raw(`">`)
	t = t.In(w.now.Location())
	layout := "2006-01-02 15:04"
	if sameDay(t, w.now) {
		layout = "15:04:05"
	}
	w.b = t.AppendFormat(w.b, layout)
	return w.raw("</time>")
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// section ends what is written, and returns it.
func (w *writer) section(id string) Section {
	s := Section{ID: id, HTML: w.b}
	hash, from := fnv.New32a(), 0
	for _, n := range w.numbers {
		_, _ = hash.Write(w.b[from:n.begin])
		s.Numbers = append(append(s.Numbers, w.b[n.begin:n.end]...), ' ')
		from = n.end
	}
	_, _ = hash.Write(w.b[from:])
	s.Shape = hash.Sum32()
	return s
}

const hexDigits = "0123456789abcdef"

// appendText appends a text so that it is a text for a browser too, on one line: also
// what a terminal or a reader could be fooled with is shown as what it is. A long one is
// cut.
func appendText(b []byte, s string) []byte {
	n := 0
	for _, r := range s {
		if n++; n > maxText {
			return append(b, "…"...)
		}
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '"':
			b = append(b, "&#34;"...)
		case r == '\'':
			b = append(b, "&#39;"...)
		case r == utf8.RuneError:
			b = append(b, "\ufffd"...)
		case r != ' ' && !unicode.IsGraphic(r), unicode.Is(unicode.Z, r) && r != ' ':
			b = appendCode(b, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// appendCode appends a character that is not to have its effect, such as \u202e.
func appendCode(b []byte, r rune) []byte {
	b = append(b, '\\', 'u')
	digits := 4
	if r > 0xffff {
		digits = 6
	}
	for i := digits - 1; i >= 0; i-- {
		b = append(b, hexDigits[r>>(4*i)&0xf])
	}
	return b
}

// appendShort appends a number in at most five characters: 9999, 12.3k, 456M.
func appendShort(b []byte, n uint64) []byte {
	if n < 10_000 {
		return strconv.AppendUint(b, n, 10)
	}
	const units = "kMGTPE"
	unit, scale := 0, uint64(1000)
	for n/scale >= 1000 && unit < len(units)-1 {
		unit, scale = unit+1, scale*1000
	}
	b = strconv.AppendUint(b, n/scale, 10)
	if n/scale < 100 {
		b = append(b, '.')
		b = strconv.AppendUint(b, n%scale/(scale/10), 10)
	}
	return append(b, units[unit])
}
