package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
)

// What is allowed in the texts of a check.
const (
	targetRule   = "must be what the kind looks at"
	lineRule     = "must be one line of text"
	payloadRule  = "must be 1 to 65507 bytes of text"
	hexRule      = `must be 1 to 65507 bytes in hexadecimal, like "48 54"`
	patternRule  = `must be 1 to 65507 bytes in hexadecimal, x for any digit, like "48 5x xx"`
	regexpRule   = "must be a regular expression (RE2) of at most 1000 bytes"
	digestRule   = `must be "md5:" and 32 or "sha256:" and 64 hexadecimal digits`
	statusRule   = `must be a status code or a range of them, like 200 or "200-299", from 100 to 599`
	statusesRule = `must be a list of status codes and ranges, like ["200-299", 301]`
	queryRule    = `must be a domain name, like "www.example.com", or "." for the root`
	answersRule  = `must be a list of what must be answered, like ["198.18.0.1"]`
	argvRule     = `must be a list of an absolute path and arguments, like ["/usr/local/bin/check", "--quick"]`
	argumentRule = "must be an argument of a program"
	userRule     = `must be the name of a user, like "nobody"`
	unitRule     = `must be a unit of systemd with its suffix, like "nginx.service"`
	processRule  = `must be the name of a process, like "haproxy"`
	tracksRule   = `must be a list of names of [[check]], like ["haproxy", {check = "disk", weight = -20}]`
	trackRule    = `must be the name of a [[check]], like "haproxy", or a table, like {check = "haproxy", weight = -20}`
)

// What can be wrong with the texts of a check.
var (
	errNUL      = errors.New("has a NUL in it")
	errNoHex    = errors.New("is not pairs of hexadecimal digits")
	errNoDigest = errors.New("is not a digest")
	errNoStatus = errors.New("is not a status code or a range of them")
	errOrder    = errors.New("ends before it begins")
	errNoSuffix = errors.New("has no suffix of a unit")
	errTemplate = errors.New("is a template, not an instance of it")
	errDot      = errors.New("begins with a dot")
	errSlash    = errors.New(`has a "/" in it`)
)

// maxPayload is what one UDP packet over IPv4 holds.
const maxPayload = 65507

func parseText(s string) (string, error) {
	switch {
	case s == "":
		return "", errEmpty
	case len(s) > maxPayload:
		return "", fmt.Errorf("is %d bytes long", len(s))
	}
	return s, nil
}

func parsePayload(s string) ([]byte, error) {
	s, err := parseText(s)
	return []byte(s), err
}

// parseLine reads what stands in one line of a protocol, or of a process.
func parseLine(s string) (string, error) {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return "", errControl
	}
	return parseText(s)
}

func parseHex(s string) ([]byte, error) {
	p, err := parsePattern(s)
	if err == nil && strings.ContainsAny(s, "xX") {
		err = errNoHex
	}
	return p.Bytes, err
}

// parsePattern reads bytes in hexadecimal, with x for what does not count.
func parsePattern(s string) (CheckPattern, error) {
	digits := strings.ReplaceAll(s, " ", "")
	if digits == "" {
		return CheckPattern{}, errEmpty
	}
	unknown := strings.NewReplacer("x", "0", "X", "0").Replace(digits)
	known := strings.Map(func(r rune) rune {
		if r == 'x' || r == 'X' {
			return '0'
		}
		return 'f'
	}, digits)
	bytes, err := hex.DecodeString(unknown)
	if err != nil {
		return CheckPattern{}, errNoHex
	}
	if len(bytes) > maxPayload {
		return CheckPattern{}, fmt.Errorf("is %d bytes long", len(bytes))
	}
	mask, err := hex.DecodeString(known)
	return CheckPattern{Bytes: bytes, Mask: mask}, err
}

// maxRegexp bounds what it costs to match.
const maxRegexp = 1000

// parseRegexp does not compile, which may cost a thousand times as much.
func parseRegexp(s string) (string, error) {
	switch {
	case s == "":
		return "", errEmpty
	case len(s) > maxRegexp:
		return "", fmt.Errorf("is %d bytes long", len(s))
	}
	var wrong *syntax.Error
	if _, err := syntax.Parse(s, syntax.Perl); errors.As(err, &wrong) {
		return "", fmt.Errorf("is not a regular expression: %v", wrong.Code)
	}
	return s, nil
}

func parseDigest(s string) (string, error) {
	s = strings.ToLower(s)
	algorithm, digits, _ := strings.Cut(s, ":")
	sum, err := hex.DecodeString(digits)
	size := map[string]int{"md5": 16, "sha256": 32}[algorithm]
	if err != nil || size == 0 || len(sum) != size {
		return "", errNoDigest
	}
	return s, nil
}

// The status codes of HTTP (RFC 9110 section 15).
const (
	minStatus = 100
	maxStatus = 599
)

func parseStatus(s string) (CheckRange, error) {
	from, to, ranged := strings.Cut(s, "-")
	if !ranged {
		to = from
	}
	first, err := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	switch {
	case err != nil || err2 != nil || first < minStatus || last > maxStatus:
		return CheckRange{}, errNoStatus
	case first > last:
		return CheckRange{}, errOrder
	}
	return CheckRange{int(first), int(last)}, nil
}

// parseQuery reads a name to ask for. Unlike a host's it may have any printable
// character (RFC 2181 section 11).
func parseQuery(s string) (string, error) {
	if s == "." {
		return "", nil
	}
	if err := checkLabels(s); err != nil {
		return "", err
	}
	for _, r := range s {
		if r <= ' ' || r >= 0x7f {
			return "", fmt.Errorf("has %q in it", r)
		}
	}
	return s, nil
}

// parseArgument reads anything that execve(2) can hand over.
func parseArgument(s string) (string, error) {
	if strings.ContainsRune(s, 0) {
		return "", errNUL
	}
	return s, nil
}

func parseUser(s string) (string, error) {
	switch {
	case s == "":
		return "", errEmpty
	case len(s) > 255:
		return "", fmt.Errorf("is %d bytes long", len(s))
	}
	for _, r := range s {
		if r == ':' || r == '/' || unicode.IsSpace(r) || unicode.IsControl(r) {
			return "", fmt.Errorf("has %q in it", r)
		}
	}
	return s, nil
}

func unitSuffixes() []string {
	return []string{"service", "socket", "target", "mount", "automount", "swap", "timer", "path", "slice", "scope", "device"}
}

// parseUnit follows systemd.unit(5).
func parseUnit(s string) (string, error) {
	if len(s) > 255 {
		return "", fmt.Errorf("is %d bytes long", len(s))
	}
	for _, r := range s {
		if !isAlphanumeric(r) && !strings.ContainsRune(`:-_.\@`, r) {
			return "", fmt.Errorf("has %q in it", r)
		}
	}
	dot := strings.LastIndexByte(s, '.')
	if strings.HasPrefix(s, ".") && dot > 0 {
		return "", errDot
	}
	for _, suffix := range unitSuffixes() {
		if dot <= 0 || s[dot+1:] != suffix {
			continue
		}
		if s[dot-1] == '@' {
			return "", errTemplate
		}
		return s, nil
	}
	return "", errNoSuffix
}

func parseProcess(s string) (string, error) {
	if strings.Contains(s, "/") {
		return "", errSlash
	}
	return parseLine(s)
}

// parseSource reads an address of this machine, which may be a loopback one.
func parseSource(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, errNoAddress
	}
	if err := checkUnicast(a); err != nil {
		return netip.Addr{}, err
	}
	return a, nil
}
