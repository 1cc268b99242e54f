package config

import (
	"net/netip"
	"strconv"
	"strings"
)

// checkAnswers wants answers of the form that the type of record has.
func checkAnswers(r *report, table *value, c *Check) {
	list := table.child("answers")
	if len(c.DNS.Answers) == 0 || c.DNS.Type == "" || c.DNS.RCode == "" { // they were refused
		return
	}
	if c.DNS.RCode != "NOERROR" {
		r.badKey(list, "given together with rcode = "+strconv.Quote(c.DNS.RCode), "must be left out there, since nothing is answered")
	}
	form := recordForm(c.DNS.Type)
	if form == "" {
		r.badKey(list, "given together with type = "+strconv.Quote(c.DNS.Type), "must be left out there, since records of this type are not read")
		return
	}
	for i, answer := range c.DNS.Answers {
		if answer != "" && !hasForm(answer, form) { // else it was refused
			r.badValue(list.item(i), "is no record of type "+c.DNS.Type, "must be: "+strings.ReplaceAll(form, "-", " "))
		}
	}
}

// recordForm says how a record of a type is written.
func recordForm(of string) string {
	switch of {
	case "A":
		return "IPv4-address"
	case "AAAA":
		return "IPv6-address"
	case "NS", "CNAME", "PTR":
		return "name"
	case "MX":
		return "number name"
	case "SRV":
		return "number number number name"
	case "SOA":
		return "name name number number number number number"
	case "TXT":
		return textForm
	case "CAA":
		return caaForm
	}
	return ""
}

// Forms that are more than fields.
const (
	textForm = `text, or "text" in parts`
	caaForm  = `flags tag "value"`
)

func hasForm(s, form string) bool {
	switch form {
	case textForm:
		return isQuoted(s)
	case caaForm:
		return isCAA(s)
	}
	fields, forms := strings.Fields(s), strings.Fields(form)
	if len(fields) != len(forms) {
		return false
	}
	for i, field := range fields {
		if !isField(field, forms[i]) {
			return false
		}
	}
	return true
}

func isField(s, form string) bool {
	switch form {
	case "number":
		_, err := strconv.ParseUint(s, 10, 32)
		return err == nil
	case "name":
		_, err := parseQuery(s)
		return err == nil
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == "" && a.Is6() == (form == "IPv6-address")
}

// isQuoted reports whether quotation marks are around whole parts of a text that begins
// with one. A backslash goes before a character that is meant as such.
func isQuoted(s string) bool {
	inside := false
	for i := 0; i < len(s) && s[0] == '"'; i++ {
		switch {
		case s[i] == '"':
			inside = !inside
		case !inside && s[i] != ' ':
			return false
		case inside && s[i] == '\\':
			i++
		}
	}
	return !inside
}

// isCAA reads a record of RFC 8659, section 4.1.1.
func isCAA(s string) bool {
	flags, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	_, value, valued := strings.Cut(strings.TrimSpace(rest), " ")
	_, err := strconv.ParseUint(flags, 10, 8)
	return err == nil && valued && isQuoted(strings.TrimSpace(value))
}
