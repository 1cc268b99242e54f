package seesaw

import (
	"strings"
	"unicode/utf8"
)

// words splits a text protobuf into words.
type words struct {
	text []byte
	place
	begun bool // whether a word has been on this line
}

// word is a word with its kind: '#' for a comment, '"' for a string, 'x' for a name or number,
// or the punctuation mark that it is.
type word struct {
	place
	kind  byte
	text  string
	first bool // on its line
}

// next returns the next word.
func (s *words) next() (w word, ok bool) {
	s.blank()
	if len(s.text) == 0 {
		return word{}, false
	}
	w = word{place: s.place, kind: s.text[0], first: !s.begun}
	n := 1
	switch {
	case w.kind == '#':
		n = s.until("\n", 1)
		w.text = strings.TrimSpace(string(s.text[1:n]))
	case w.kind == '"' || w.kind == '\'':
		n = s.quoted(w.kind)
		w.kind = '"'
	case nameByte(w.kind):
		for n < len(s.text) && nameByte(s.text[n]) {
			n++
		}
		w.text = string(s.text[:n])
		if w.text != "-" { // "- 5" is a number
			w.kind = 'x'
		}
	}
	s.skip(n)
	s.begun = true
	return w, true
}

// blank passes over white space.
func (s *words) blank() {
	n := 0
	for n < len(s.text) && (s.text[n] == ' ' || s.text[n] >= '\t' && s.text[n] <= '\r') {
		n++
	}
	s.skip(n)
}

// skip passes over bytes, and counts lines and columns.
func (s *words) skip(n int) {
	for _, b := range s.text[:n] {
		switch {
		case b == '\n':
			s.line, s.col, s.begun = s.line+1, 1, false
		case utf8.RuneStart(b):
			s.col++
		}
	}
	s.text = s.text[n:]
}

// until returns how many bytes there are from the first to one of the ends.
func (s *words) until(ends string, from int) int {
	for n := from; n < len(s.text); n++ {
		if strings.IndexByte(ends, s.text[n]) >= 0 {
			return n
		}
	}
	return len(s.text)
}

// quoted returns the length of a string with its quotes.
func (s *words) quoted(quote byte) int {
	ends := `\` + string(quote)
	for n := 1; ; n += 2 {
		n = s.until(ends, n)
		switch {
		case n >= len(s.text):
			return len(s.text)
		case s.text[n] == quote:
			return n + 1
		}
	}
}

// nameByte says whether a byte may be in a name or a number.
func nameByte(b byte) bool {
	return b == '_' || b == '.' || b == '+' || b == '-' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
