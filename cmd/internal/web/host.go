package web

import (
	"net/netip"
	"slices"
	"strings"
)

// isOurs tells whether a browser that asks for a host means this one. An address means
// what is at the address. A name may be anybody's who has it point here for a moment, to
// read with a page of his own what he cannot reach: only names that are known are taken.
func isOurs(host string, names []string) bool {
	name := strings.ToLower(strings.TrimSuffix(withoutPort(host), "."))
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(strings.TrimSuffix(n, "."), name) })
}

// withoutPort returns the host of a Host header, an IPv6 address without its brackets.
func withoutPort(host string) string {
	if rest, found := strings.CutPrefix(host, "["); found {
		address, behind, _ := strings.Cut(rest, "]")
		if behind != "" && behind[0] != ':' {
			return host
		}
		return address
	}
	name, _, _ := strings.Cut(host, ":")
	return name
}
