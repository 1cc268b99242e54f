package seesaw

import (
	"fmt"
	"strings"
)

// longest is the longest name in bytes that package config allows.
const longest = 63

// names are the names that are taken.
type names map[string]bool

// take returns a name that is not taken: of a text, with an ending of its own, such as "-53-udp".
func (n names) take(text, ending string) string {
	for i := 1; ; i++ {
		end := ending
		if i > 1 {
			end = fmt.Sprintf("%s-%d", ending, i)
		}
		name := plain(text)
		name = strings.TrimRight(name[:min(len(name), longest-len(end))], "-._") + end
		if !n[name] {
			n[name] = true
			return name
		}
	}
}

// plain makes a name of a text: what names cannot have becomes "-".
func plain(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			b.WriteByte(c)
		case b.Len() > 0 && (c == '.' || c == '_' || c == '-' || !strings.HasSuffix(b.String(), "-")):
			if c != '.' && c != '_' {
				c = '-'
			}
			b.WriteByte(c)
		}
	}
	if b.Len() == 0 {
		return "seesaw"
	}
	return strings.TrimRight(b.String(), "-._")
}
