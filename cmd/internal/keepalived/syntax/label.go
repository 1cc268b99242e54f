package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isRoot says whether a keyword of a block can stand outside of all others only.
func isRoot(word string) bool {
	switch word {
	case "global_defs", "vrrp_instance", "vrrp_sync_group", "vrrp_script", "virtual_server",
		"virtual_server_group", "static_ipaddress", "static_routes", "static_rules", "bfd_instance":
		return true
	}
	return false
}

// label is how messages name a statement.
func label(words []string) string {
	if confidential(words[0] + " ") {
		return words[0]
	}
	return shorten(strings.Join(words[:min(2, len(words))], " "))
}

// shorten makes text fit for a message.
func shorten(text string) string {
	const most = 60
	if len(text) > most {
		n := most
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n] + "..."
	}
	return text
}

// printable returns text as a terminal can show it.
func printable(text string) string {
	bad := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if strings.IndexFunc(text, bad) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		if bad(r) {
			return '?'
		}
		return r
	}, text)
}
