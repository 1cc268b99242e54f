package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// What is allowed where a server is named, and what is asked of it.
const (
	hostRule        = `must be a host's name or address, like "www.example.com" or "198.18.0.1"`
	listenNamesRule = `must be a list of names, like ["lb.example.com"]`
	listenNameRule  = `must be a host's name, like "lb.example.com"`
	hostPortRule    = `must be a host and port, like "198.18.0.1:80", "[2001:db8::1]:80" or "www.example.com:80"`
	serverRule      = `must be a host, with a port or without, like "198.18.0.1", "[2001:db8::1]:53" or "ns.example.com"`
	urlRule         = `must be a URL, like "http://198.18.0.1:8080/healthz" or "https://www.example.com/"`
	referenceRule   = `must be relative to the target, like "/healthz"`
	requestsRule    = `must be a list, like ["/healthz", {url = "/login", status = [302]}]`
	requestRule     = `must be a URL relative to the target, like "/healthz", or a table, like {url = "/login", status = [302]}`
	neighborRule    = `must be a neighbor of bgpd: its address, or the interface that it is found on`
	methodRule      = `must be a method of HTTP, like "HEAD"`
	headersRule     = `must be a list of headers, like ["Accept: text/plain"]`
	headerRule      = `must be a name, a colon and a value, like "Accept: text/plain"`
)

// What can be wrong with them.
var (
	errBrackets  = errors.New("has brackets around what is no IPv6 address")
	errLabel     = errors.New("has a part that is not 1 to 63 bytes long")
	errNoURL     = errors.New("is not a URL")
	errScheme    = errors.New("has a scheme that is not http or https")
	errNoHost    = errors.New("has no host")
	errUserInfo  = errors.New("has a user in it")
	errFragment  = errors.New("has a fragment, which is never sent")
	errAbsolute  = errors.New("is not relative")
	errNoHeader  = errors.New("is not a header")
	errOwnHeader = errors.New("is a header that is set for each request")
	errNoMethod  = errors.New("is not a method")
	errNoName    = errors.New("is an address, for which no name is needed")
)

// parseHost reads a name or an address.
func parseHost(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return s, checkUnicast(a)
	}
	if err := checkLabels(s); err != nil {
		return "", err
	}
	for _, r := range s {
		if !isBare(r) && r != '.' {
			return "", fmt.Errorf("has %q in it", r)
		}
	}
	last := s[strings.LastIndexByte(strings.TrimSuffix(s, "."), '.')+1:]
	if strings.Trim(last, "0123456789.") == "" {
		return "", errNoAddress
	}
	return s, nil
}

// parseListenName reads a name for this machine. It has no pattern: that would take in names
// of others.
func parseListenName(s string) (string, error) {
	if _, err := netip.ParseAddr(s); err == nil {
		return "", errNoName
	}
	return parseHost(s)
}

// checkLabels checks the lengths of a domain name and its parts (RFC 1035 section 2.3.4).
func checkLabels(s string) error {
	switch {
	case s == "":
		return errEmpty
	case len(s) > 254 || len(s) == 254 && s[253] != '.':
		return fmt.Errorf("is %d bytes long", len(s))
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 {
			return errLabel
		}
	}
	return nil
}

func parseHostPort(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		if s == "" {
			return "", errEmpty
		}
		return "", errNoPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", errBadPort
	}
	if s[0] == '[' {
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return "", errBrackets
		}
	}
	_, err = parseHost(host)
	return s, err
}

// parseServer reads a host, with a port or without.
func parseServer(s string) (string, error) {
	if _, err := netip.ParseAddr(s); err == nil || !strings.Contains(s, ":") {
		return parseHost(s)
	}
	return parseHostPort(s)
}

// parseGateway reads the address of a neighbor.
func parseGateway(s string) (string, error) {
	_, err := parseAddress(s)
	return s, err
}

func parseURL(s string) (string, error) {
	u, err := splitURL(s)
	if err != nil {
		return "", err
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errScheme
	case u.Host == "":
		return "", errNoHost
	case u.User != nil:
		return "", errUserInfo
	}
	if host := u.Host; strings.HasSuffix(host, ":") || u.Port() != "" {
		_, err = parseHostPort(host)
	} else {
		_, err = parseHost(u.Hostname())
	}
	return s, err
}

// parseReference reads a URL that is relative to another one.
func parseReference(s string) (string, error) {
	u, err := splitURL(s)
	if err != nil {
		return "", err
	}
	if u.IsAbs() || u.Host != "" || u.User != nil {
		return "", errAbsolute
	}
	return s, nil
}

// splitURL wants a URL as it is sent: of printable ASCII, and without a fragment.
func splitURL(s string) (*url.URL, error) {
	if s == "" {
		return nil, errEmpty
	}
	for _, r := range s {
		if r <= ' ' || r >= 0x7f {
			return nil, fmt.Errorf("has %q in it", r)
		}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errNoURL
	case strings.Contains(s, "#"):
		return nil, errFragment
	}
	return u, nil
}

// isToken reports whether a text is a token of HTTP (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !isAlphanumeric(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

func parseMethod(s string) (string, error) {
	if !isToken(s) || s == "CONNECT" {
		return "", errNoMethod
	}
	return s, nil
}

func parseHeader(s string) (string, error) {
	name, value, colon := strings.Cut(s, ":")
	invalid := func(r rune) bool { return unicode.IsControl(r) && r != '\t' }
	if !colon || !isToken(name) || strings.ContainsFunc(value, invalid) {
		return "", errNoHeader
	}
	switch strings.ToLower(name) {
	case "host", "content-length", "transfer-encoding", "trailer":
		return "", errOwnHeader
	}
	return s, nil
}

// parseNeighbor reads how bgpd calls a neighbor.
func parseNeighbor(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String(), checkUnicast(a)
	}
	return parseInterface(s)
}
