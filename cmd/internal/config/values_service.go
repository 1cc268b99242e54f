package config

import (
	"errors"
	"net/netip"
	"strings"
)

// What is allowed in the texts of a service and its servers.
const (
	serviceAddressRule   = `must be an address and port, like "198.18.0.100:80" or "[2001:db8::100]:80", with port 0 for all ports`
	serviceAddressesRule = `must be an address and port, like "198.18.0.100:80", or a list of them`
	serverAddressRule    = `must be one host's address, with a port or without, like "10.0.0.11:80" or "2001:db8::11"`
	familiesRule         = `must be "ipv4", "ipv6" or a list of both`
	optionsRule          = `must be a list of options, like ["sh-port"]`
	prefixesRule         = "must be a number of bits, or a table of them, like {ipv4 = 24, ipv6 = 64}"
	sorryRule            = `must be an address, like "10.0.0.99:80", or a table, like {address = "10.0.0.99:80", forward = "dr"}`
	serverChecksRule     = "must be written [PATH], or [[PATH]] for each of several"
	multicastRule        = `must be a multicast address, like "224.0.0.81" or "ff02::81"`
)

// What can be wrong with them.
var (
	errServicePort = errors.New("has a port that is not 0 to 65535")
	errPortRange   = errors.New("has a range of ports, which is for fwmark and a firewall that marks its packets")
	errScoped      = errors.New("is a link-local address, which IPVS has no interface for")
)

// parseServiceAddress reads a virtual address and its port.
func parseServiceAddress(s string) (netip.AddrPort, error) {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}, whyNoServiceAddress(s)
	}
	return a, checkBalanced(a.Addr())
}

func whyNoServiceAddress(s string) error {
	err := whyNoAddrPort(s)
	switch {
	case err == errBadPort && isPortRange(s[strings.LastIndexByte(s, ':')+1:]):
		return errPortRange
	case err == errBadPort:
		return errServicePort
	}
	return err
}

// isPortRange reports whether a port is written as two of them.
func isPortRange(s string) bool {
	from, to, dash := strings.Cut(s, "-")
	return dash && from+to != "" && strings.Trim(from+to, "0123456789") == ""
}

// parseServerAddress reads the address of a real server. Without a port that is 0.
func parseServerAddress(s string) (netip.AddrPort, error) {
	host := s
	if strings.HasPrefix(s, "[") {
		host = strings.TrimSuffix(s[1:], "]")
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(a, 0), checkBalanced(a)
	}
	return parseServiceAddress(s)
}

// checkBalanced refuses what IPVS cannot send packets to.
func checkBalanced(a netip.Addr) error {
	if err := checkUnicast(a); err != nil {
		return err
	}
	if a.Is6() && a.IsLinkLocalUnicast() {
		return errScoped
	}
	return nil
}

func parseMulticast(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, errNoAddress
	case a.Zone() != "":
		return netip.Addr{}, errZone
	case !a.IsMulticast():
		return netip.Addr{}, errNoMulticast
	}
	return a, nil
}
