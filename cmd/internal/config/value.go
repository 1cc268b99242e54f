package config

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// position is a place in the file; line and column count from 1.
type position struct{ line, col int }

// kind is the type of a TOML value.
type kind int

const (
	kindTable kind = iota
	kindArray
	kindString
	kindInteger
	kindFloat
	kindBoolean
	kindTime
)

// String completes "is ...".
func (k kind) String() string {
	return [...]string{"a table", "an array", "a string", "an integer", "a float", "a boolean", "a date or time"}[k]
}

// value is one value of the document and where it stands. A nil value is an
// absent one: child may be called on it.
type value struct {
	name   string // the last part of its key; "" for the document itself
	parent *value // the table it is in
	kind   kind
	form   form
	depth  int      // tables and arrays around it
	key    position // of the key, or of the name in the header
	pos    position // of the value itself

	text   string   // scalars: a string's content, else the literal
	items  []*value // arrays
	fields []*value // tables, in file order
	index  map[string]*value
}

// child returns the value of a table's key, nil when it is not set.
func (v *value) child(name string) *value {
	if v == nil {
		return nil
	}
	return v.index[name]
}

// item returns the i-th table of an array.
func (v *value) item(i int) *value { return v.items[i] }

// nth is item, or nil where there are not so many.
func (v *value) nth(i int) *value {
	if v == nil || i >= len(v.items) {
		return nil
	}
	return v.items[i]
}

func (v *value) set(child *value) {
	if v.index == nil {
		v.index = make(map[string]*value)
	}
	v.index[child.name] = child
	v.fields = append(v.fields, child)
}

// misspelt lets child find a value under the name that it was meant to have,
// so that the key is not said to be missing too.
func (v *value) misspelt(name string, child *value) {
	if v.index[name] == nil {
		v.index[name] = child
	}
}

// path returns the full key as it is documented: no indexes, since the
// position tells the tables of an array apart.
func (v *value) path() string {
	if v.parent == nil {
		return ""
	}
	return join(v.parent.path(), v.name)
}

// assigned returns " = VALUE" for scalars, and nothing for what has no short form.
func (v *value) assigned() string {
	switch v.kind {
	case kindTable, kindArray:
		return ""
	case kindString:
		return " = " + strconv.Quote(shorten(discreet(v.text)))
	default:
		return " = " + shorten(v.text)
	}
}

// discreet leaves out of a URL, or of its path, what may be a secret, a user and a query: mistakes
// are in the log and among the events.
func discreet(text string) string {
	begin := 0
	if !strings.HasPrefix(text, "/") {
		scheme, _, isURL := strings.Cut(text, "://")
		if !isURL {
			return text
		}
		begin = len(scheme) + len("://")
	}
	path, query, _ := strings.Cut(text[begin:], "?")
	if query != "" {
		text = text[:begin] + path + "?***"
	}
	if at := strings.LastIndexByte(path, '@'); begin > 0 && at >= 0 { // a slash before it may be of a password
		text = text[:begin] + "***" + text[begin+at:]
	}
	return text
}

// join appends a key's part to a path, quoted where TOML would want it so.
func join(path, name string) string {
	name = shorten(name)
	if name == "" || strings.IndexFunc(name, func(r rune) bool { return !isBare(r) }) >= 0 {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// isBare reports whether a key may have the rune without quotes.
func isBare(r rune) bool {
	return isAlphanumeric(r) || r == '_' || r == '-'
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// shorten keeps a message to one line of a terminal whatever the file holds.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}
