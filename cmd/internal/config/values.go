package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// What is allowed, one rule for each kind of text.
const (
	nameRule         = `must be 1 to 63 letters, digits, ".", "_" or "-", the first a letter or digit`
	pathRule         = "must be an absolute path"
	socketRule       = "must be an absolute path of at most 107 bytes"
	namespaceRule    = "must be the name of a network namespace, as `ip netns` lists it"
	listenRule       = `must be an IP address and port of this machine, like "127.0.0.1:7401" or "[::]:7401", or "" for none`
	peerAddressRule  = `must be one host's IP address and port, like "198.18.0.1:7400" or "[2001:db8::1]:7400"`
	vipAddressRule   = `must be one host's address and prefix length, like "198.18.0.100/24" or "2001:db8::100/64"`
	addressRule      = `must be one host's IP address, like "198.18.0.2" or "2001:db8::2"`
	groupRule        = `must be a multicast group, like "224.0.0.18", or over IPv6 one of the link, like "ff02::12"`
	prefixRule       = `must be a network, like "10.0.0.0/8" or "2001:db8::/32", or "0.0.0.0/0" or "::/0" for all`
	unicastPeersRule = `must be a list, like ["198.18.0.2", {address = "198.18.0.3", min_ttl = 254}]`
	unicastPeerRule  = `must be an address, like "198.18.0.2", or a table, like {address = "198.18.0.3", min_ttl = 254}`
	membersRule      = `must be a list of names of [[vrrp]], like ["inside", "outside"]`
	interfaceRule    = `must be the name of a network interface, like "eth0": 1 to 15 bytes without "/", ":" or white space`
)

// What can be wrong with a text; each completes KEY = VALUE.
var (
	errUnknownWord   = errors.New("is not known")
	errNoDuration    = errors.New("is not a duration")
	errTooShort      = errors.New("is too short")
	errTooLong       = errors.New("is too long")
	errNotWhole      = errors.New("is not in whole seconds")
	errEmpty         = errors.New("is empty")
	errFirstRune     = errors.New("does not begin with a letter or digit")
	errRelative      = errors.New("is not absolute")
	errNoFile        = errors.New("is not the name of a file")
	errControl       = errors.New("has a control character in it")
	errNoAddress     = errors.New("is not an IP address")
	errNoPort        = errors.New("has no port")
	errBadPort       = errors.New("has a port that is not 1 to 65535")
	errNoLength      = errors.New("has no prefix length")
	errZone          = errors.New("has a zone")
	errMapped        = errors.New("is an IPv4 address in IPv6 form")
	errUnspecified   = errors.New("is the unspecified address")
	errMulticast     = errors.New("is a multicast address")
	errLoopback      = errors.New("is a loopback address")
	errLinkLocal     = errors.New("is a link-local address, which needs an interface")
	errNoMulticast   = errors.New("is no multicast address")
	errFarMulticast  = errors.New("is a multicast address of more than the link")
	errBroadcast     = errors.New("is a broadcast address")
	errNetwork       = errors.New("is the address of the network itself")
	errHostBits      = errors.New("has bits set beyond its prefix length")
	errInterfaceName = errors.New("is not a name the kernel accepts")
)

// maxSocketPath is sizeof(sun_path) of unix(7) less the closing NUL.
const maxSocketPath = 107

func parseName(s string) (string, error) {
	switch {
	case s == "":
		return "", errEmpty
	case len(s) > 63:
		return "", fmt.Errorf("is %d bytes long", len(s))
	}
	for _, r := range s {
		if !isBare(r) && r != '.' {
			return "", fmt.Errorf("has %q in it", r)
		}
	}
	if !isAlphanumeric(rune(s[0])) {
		return "", errFirstRune // it would pass for a flag or a hidden file
	}
	return s, nil
}

func parsePath(s string) (string, error) {
	switch {
	case s == "":
		return "", errEmpty
	case s[0] != '/':
		return "", errRelative
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", errControl
	}
	return s, nil
}

func parseSocket(s string) (string, error) {
	if len(s) > maxSocketPath {
		return "", fmt.Errorf("is %d bytes long", len(s))
	}
	return parsePath(s)
}

// parseNamespace reads the name of a file in /run/netns.
func parseNamespace(s string) (string, error) {
	switch {
	case s == "":
		return "", errEmpty
	case len(s) > 255:
		return "", errTooLong
	case s == "." || s == ".." || strings.Contains(s, "/"):
		return "", errNoFile
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", errControl
	}
	return s, nil
}

func parsePeerAddress(s string) (netip.AddrPort, error) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}, whyNoAddrPort(s)
	}
	a := ap.Addr()
	switch {
	case ap.Port() == 0:
		return netip.AddrPort{}, errBadPort
	case a.IsLinkLocalUnicast() && a.Is6():
		return netip.AddrPort{}, errLinkLocal
	}
	if err := checkUnicast(a); err != nil {
		return netip.AddrPort{}, err
	}
	return ap, nil
}

// parseListen reads where a server listens: at an address, at all of a family, or not at all.
func parseListen(s string) (netip.AddrPort, error) {
	if s == "" {
		return netip.AddrPort{}, nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err == nil && ap.Port() != 0 && ap.Addr().IsUnspecified() && ap.Addr().Zone() == "" {
		return ap, nil
	}
	return parsePeerAddress(s)
}

// whyNoAddrPort tells an address without a port from what is no address at all.
func whyNoAddrPort(s string) error {
	host := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	if _, err := netip.ParseAddr(host); err == nil {
		return errNoPort
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host = strings.TrimSuffix(strings.TrimPrefix(s[:i], "["), "]")
		if _, err := netip.ParseAddr(host); err == nil {
			return errBadPort
		}
	}
	return errNoAddress
}

func parseVIPAddress(s string) (netip.Prefix, error) {
	p, err := parseUnicastPrefix(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return p, checkHost(p)
}

// parseUnicastPrefix reads an address with a prefix length.
func parseUnicastPrefix(s string) (netip.Prefix, error) {
	host, length, slash := strings.Cut(s, "/")
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return netip.Prefix{}, errNoAddress
	case a.Zone() != "":
		return netip.Prefix{}, errZone
	case !slash:
		return netip.Prefix{}, errNoLength
	}
	if err := checkUnicast(a); err != nil {
		return netip.Prefix{}, err
	}
	p, err := netip.ParsePrefix(host + "/" + length)
	if err != nil || p.Bits() == 0 {
		return netip.Prefix{}, fmt.Errorf("has a prefix length that is not 1 to %d", a.BitLen())
	}
	return p, nil
}

// parseAddress reads the address of a machine. A link-local one needs no zone where
// its interface is known.
func parseAddress(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, errNoAddress
	}
	if err := checkUnicast(a); err != nil {
		return netip.Addr{}, err
	}
	if a.IsLoopback() {
		return netip.Addr{}, errLoopback
	}
	return a, nil
}

// parseGroup reads a multicast group. Over IPv6 adverts never leave the link.
func parseGroup(s string) (netip.Addr, error) {
	a, err := parseMulticast(s)
	if err == nil && a.Is6() && !a.IsLinkLocalMulticast() {
		return netip.Addr{}, errFarMulticast
	}
	return a, err
}

func parsePrefix(s string) (netip.Prefix, error) {
	host, _, slash := strings.Cut(s, "/")
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return netip.Prefix{}, errNoAddress
	case a.Zone() != "":
		return netip.Prefix{}, errZone
	case a.Is4In6():
		return netip.Prefix{}, errMapped
	case !slash:
		return netip.Prefix{}, errNoLength
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("has a prefix length that is not 0 to %d", a.BitLen())
	}
	if p != p.Masked() {
		return netip.Prefix{}, errHostBits
	}
	return p, nil
}

// checkUnicast refuses what no machine can be reached by.
func checkUnicast(a netip.Addr) error {
	switch {
	case a.Zone() != "":
		return errZone
	case a.Is4In6():
		return errMapped
	case a.IsUnspecified():
		return errUnspecified
	case a.IsMulticast():
		return errMulticast
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return errBroadcast
	}
	return nil
}

// checkHost refuses what is no host's address within its prefix.
func checkHost(p netip.Prefix) error {
	a := p.Addr()
	hostBits := a.BitLen() - p.Bits()
	switch {
	case a.IsLoopback():
		return errLoopback
	case hostBits < 2:
		return nil // point-to-point links use both addresses: RFC 3021, RFC 6164
	case a == p.Masked().Addr():
		return errNetwork // in IPv6 the routers' anycast address: RFC 4291, 2.6.1
	case a.Is4() && !p.Contains(a.Next()):
		return errBroadcast
	}
	return nil
}

// parseInterface follows the kernel's dev_valid_name.
func parseInterface(s string) (string, error) {
	invalid := func(r rune) bool {
		return r == '/' || r == ':' || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	switch {
	case s == "":
		return "", errEmpty
	case len(s) > 15:
		return "", fmt.Errorf("is %d bytes long", len(s))
	case s == "." || s == "..", strings.ContainsFunc(s, invalid):
		return "", errInterfaceName
	}
	return s, nil
}
