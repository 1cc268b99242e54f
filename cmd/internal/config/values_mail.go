package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is allowed where mails are concerned.
const (
	mailServerRule = `must be a host, with a port or without, like "mail.example.com" or "198.18.0.25:587"`
	mailboxRule    = `must be an address, like "ops@example.com", or a name that the mail server knows, like "root"`
	mailboxesRule  = `must be a list of addresses, like ["ops@example.com"]`
	mailUserRule   = "must be the user of a mail server: 1 to 255 bytes without control characters"
	prefixTextRule = `must be at most 100 bytes without control characters, or "" for none`
)

// What can be wrong with them.
var (
	errNoMailbox   = errors.New("has no name before the @")
	errMailDots    = errors.New("has a dot at an end of its name, or two together")
	errMailLiteral = errors.New("has brackets around what is no IP address")
)

// CheckMailbox says what is wrong with an address that mails are to go to, or come from.
func CheckMailbox(s string) error {
	_, err := parseMailbox(s)
	return err
}

// parseMailbox reads an address of RFC 5321 without quotes and comments, or its local part
// alone, which a mail server completes.
func parseMailbox(s string) (string, error) {
	local, domain := s, ""
	at := strings.LastIndexByte(s, '@')
	if at >= 0 {
		local, domain = s[:at], s[at+1:]
	}
	switch {
	case s == "":
		return "", errEmpty
	case local == "":
		return "", errNoMailbox
	case len(local) > 64 || len(s) > 254:
		return "", errTooLong
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return "", errMailDots
	}
	for _, r := range local {
		if !isAlphanumeric(r) && !strings.ContainsRune(".!#$%&'*+-/=?^_`{|}~", r) {
			return "", fmt.Errorf("has %q in it", r)
		}
	}
	if at < 0 {
		return s, nil
	}
	return s, checkMailDomain(domain)
}

// checkMailDomain wants a name, or an address in brackets.
func checkMailDomain(domain string) error {
	literal, bracket := strings.CutPrefix(domain, "[")
	if !bracket {
		_, err := parseHost(domain)
		return err
	}
	literal, closed := strings.CutSuffix(literal, "]")
	six, is6 := strings.CutPrefix(literal, "IPv6:")
	a, err := netip.ParseAddr(six)
	if !closed || err != nil || a.Zone() != "" || a.Is6() != is6 {
		return errMailLiteral
	}
	return nil
}

func parseMailUser(s string) (string, error) {
	if s == "" {
		return "", errEmpty
	}
	return s, checkLine(s, 255)
}

func parsePrefixText(s string) (string, error) { return s, checkLine(s, 100) }

// checkLine wants text that is one line, of so many bytes at most.
func checkLine(s string, most int) error {
	switch {
	case len(s) > most:
		return errTooLong
	case strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s):
		return errControl
	}
	return nil
}
