package checker

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// canonical returns the text of a record of a type, as people write it, in the form that
// recordText gives: names in small letters and without the final dot, except that of the
// root, and texts without quotation marks.
func canonical(kind dnsmessage.Type, text string) (string, error) {
	switch kind {
	case dnsmessage.TypeA, dnsmessage.TypeAAAA:
		return canonicalAddr(kind, text)
	case dnsmessage.TypeTXT:
		return unquoted(text)
	case dnsmessage.TypeNS, dnsmessage.TypeCNAME, dnsmessage.TypePTR:
		return canonicalFields(text, "name")
	case dnsmessage.TypeMX:
		return canonicalFields(text, "number name")
	case dnsmessage.TypeSRV:
		return canonicalFields(text, "number number number name")
	case dnsmessage.TypeSOA:
		return canonicalFields(text, "name name number number number number number")
	case typeCAA:
		return canonicalCAA(text)
	}
	return "", errors.New("answers of this type cannot be compared")
}

func canonicalAddr(kind dnsmessage.Type, text string) (string, error) {
	addr, err := netip.ParseAddr(text)
	switch {
	case kind == dnsmessage.TypeA && (err != nil || !addr.Is4()):
		return "", errors.New("must be an IPv4 address")
	case kind == dnsmessage.TypeAAAA && (err != nil || !addr.Is6() || addr.Zone() != ""):
		return "", errors.New("must be an IPv6 address")
	}
	return addr.String(), nil
}

// canonicalFields is for a text whose fields have a shape such as "number name".
func canonicalFields(text, shape string) (string, error) {
	fields, shapes := strings.Fields(text), strings.Fields(shape)
	if len(fields) != len(shapes) {
		return "", errors.New("must be: " + shape)
	}
	for i, field := range fields {
		if shapes[i] == "name" {
			fields[i] = canonicalName(field)
			continue
		}
		n, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			return "", errors.New("must be: " + shape)
		}
		fields[i] = strconv.FormatUint(n, 10)
	}
	return strings.Join(fields, " "), nil
}

func canonicalName(name string) string {
	if name == "." {
		return name
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// canonicalCAA is for a text such as `0 issue "ca.example"`.
func canonicalCAA(text string) (string, error) {
	wrong := errors.New(`must be: flags tag "value"`)
	flags, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	tag, value, complete := strings.Cut(strings.TrimSpace(rest), " ")
	number, err := strconv.ParseUint(flags, 10, 8)
	if err != nil || !complete {
		return "", wrong
	}
	plain, err := unquoted(strings.TrimSpace(value))
	if err != nil {
		return "", wrong
	}
	return numbers(uint32(number)) + strings.ToLower(tag) + " " + plain, nil
}

// unquoted returns a text without quotation marks. It may be in several parts, each in its
// own, of which some have a backslash before a character that is meant as such.
func unquoted(text string) (string, error) {
	if !strings.HasPrefix(text, `"`) {
		return text, nil
	}
	var plain strings.Builder
	inside := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inside = !inside
		case !inside && c != ' ':
			return "", errors.New("a quotation mark is not closed, or a part is without")
		case inside && c == '\\' && i+1 < len(text):
			i++
			plain.WriteByte(text[i])
		case inside:
			plain.WriteByte(c)
		}
	}
	if inside {
		return "", errors.New("a quotation mark is not closed, or a part is without")
	}
	return plain.String(), nil
}
