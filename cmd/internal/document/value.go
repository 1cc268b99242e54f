package document

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Value is a value in TOML: made by Text, Number, Flag, Duration, List and Inline.
type Value struct {
	text  string
	items []Item // of a list, which then has no text
}

// Item is an element of a list.
type Item struct {
	Value
	Place
	Comments []string
}

// String returns the value as it stands in one line, by which values can be compared.
func (v Value) String() string { return v.text }

// Text returns a string. Bytes that are no UTF-8 become U+FFFD, which TOML cannot hold
// otherwise.
func Text(s string) Value { return Value{text: quote(s)} }

// Number returns an integer.
func Number[T ~int | ~int64 | ~uint8 | ~uint16 | ~uint32](n T) Value {
	return Value{text: strconv.FormatInt(int64(n), 10)}
}

// Flag returns a boolean.
func Flag(b bool) Value { return Value{text: strconv.FormatBool(b)} }

// Duration returns a duration, in the largest of h, s, ms and us that leaves no rest.
func Duration(d time.Duration) Value {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "us"}} {
		if d%u.size == 0 && (d != 0 || u.name == "s") {
			return Value{text: quote(strconv.FormatInt(int64(d/u.size), 10) + u.name)}
		}
	}
	return Value{text: quote(d.String())}
}

// List returns a list. It is written in one line if it fits and has no comments.
func List(items ...Item) Value { return Value{items: items, text: oneLine(items)} }

// Texts returns a list of strings, all from one place.
func Texts(texts []string, at Place) Value {
	items := make([]Item, len(texts))
	for i, s := range texts {
		items[i] = Item{Value: Text(s), Place: at}
	}
	return List(items...)
}

// Pair is a key of an inline table.
type Pair struct {
	Name  string
	Value Value
}

// Inline returns an inline table, such as {address = "198.18.0.2", min_ttl = 254}.
func Inline(pairs ...Pair) Value {
	var b strings.Builder
	b.WriteByte('{')
	for i, p := range pairs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name + " = " + p.Value.text)
	}
	b.WriteByte('}')
	return Value{text: b.String()}
}

func oneLine(items []Item) string {
	var b strings.Builder
	b.WriteByte('[')
	for i := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(items[i].text)
	}
	b.WriteByte(']')
	return b.String()
}

// quote returns a basic string of TOML.
func quote(s string) string {
	if plain(s) {
		return `"` + s + `"`
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			b.WriteString(`\u00` + hex(byte(r)))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func hex(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// plain says whether s needs no escapes.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' || s[i] == 0x7f || s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
