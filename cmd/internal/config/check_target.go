package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// checkTarget wants a target of the kind's form, which this machine can reach in the way
// that it is told to.
func checkTarget(r *report, table *value, c *Check) {
	allowed, parse := targetForm(c.Kind)
	target := table.child("target")
	switch {
	case parse == nil || target == nil && (c.Kind == "process" || c.Kind == "bgp"):
		return
	case target == nil:
		r.missing(table, "target", allowed)
		return
	case c.Target == "": // it was refused
		return
	}
	if _, err := parse(c.Target); err != nil {
		r.badValue(target, err.Error(), allowed)
		return
	}
	checkReach(r, table, c)
}

// targetForm returns what a target of the kind must be, and nothing if it has none.
func targetForm(kind string) (allowed string, parse func(string) (string, error)) {
	switch kind {
	case "tcp", "udp", "smtp", "grpc", "tls":
		return hostPortRule, parseHostPort
	case "http":
		return urlRule, parseURL
	case "icmp":
		return hostRule, parseHost
	case "dns":
		return serverRule, parseServer
	case "gateway":
		return addressRule, parseGateway
	case "interface":
		return interfaceRule, parseInterface
	case "bgp":
		return neighborRule, parseNeighbor
	case "unit":
		return unitRule, parseUnit
	case "file":
		return pathRule, parsePath
	case "process":
		return processRule, parseProcess
	}
	return "", nil
}

// checkReach wants a source of the family of the address that is looked at, and an
// interface for what is link-local.
func checkReach(r *report, table *value, c *Check) {
	place, address := peer(table, c)
	source := c.Network.Source
	if address.IsValid() && source.IsValid() && address.Is6() != source.Is6() {
		family := familyName(address.Is6())
		r.badValue(table.child("source"), "is not of the target's family, "+family, "must be an "+family+" address")
	}
	if table.child("interface") != nil {
		return
	}
	for _, l := range []struct {
		v       *value
		address netip.Addr
	}{{place, address}, {table.child("source"), source}} {
		if l.address.Is6() && l.address.IsLinkLocalUnicast() {
			r.badValue(l.v, errLinkLocal.Error(), "must come with interface")
		}
	}
}

// peer returns the address that packets of a check go to, and where it is given. It is
// not valid for a name, and for a check without packets.
func peer(table *value, c *Check) (*value, netip.Addr) {
	place, host := table.child("target"), c.Target
	switch c.Kind {
	case "interface", "unit", "file", "process", "bgp":
		return place, netip.Addr{}
	case "http":
		if u, err := url.Parse(c.Target); err == nil {
			host = u.Host
		}
		if c.HTTP.Connect != "" {
			place, host = table.child("connect"), c.HTTP.Connect
		}
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	address, _ := netip.ParseAddr(strings.Trim(host, "[]"))
	return place, address
}

// checkTLSKeys wants them where TLS is spoken, and a certificate together with its key.
func checkTLSKeys(r *report, table *value, c *Check) {
	if why := withoutTLS(table, c); why != "" {
		for _, k := range tlsKeys(new(CheckTLS)) {
			if v := table.child(k.name); v != nil {
				r.badKey(v, "there is no TLS", why)
			}
		}
		return
	}
	cert, key := table.child("cert_file"), table.child("key_file")
	switch {
	case cert != nil && key == nil:
		r.badKey(cert, "given without key_file", "must be both or none")
	case cert == nil && key != nil:
		r.badKey(key, "given without cert_file", "must be both or none")
	}
	if ca := table.child("ca_file"); ca != nil && c.TLS.Insecure {
		r.badKey(ca, "given together with verify = false", "must be one of the two")
	}
	if t := c.TLS; t.ExpiryWarning > 0 && t.ExpiryLimit >= t.ExpiryWarning {
		r.badValue(table.child("expiry_warning"), "is not longer than expiry_limit, "+t.ExpiryLimit.String(), "must be longer, or nobody is warned in time")
	}
}

// withoutTLS says what TLS would take, or nothing where it is spoken, or may be meant to be.
func withoutTLS(table *value, c *Check) string {
	switch c.Kind {
	case "http":
		if u, err := url.Parse(c.Target); err == nil && u.Scheme == "http" && no(table.child("redirects")) {
			if table.child("target") == nil { // it is the server's
				return "must come with tls = true, or with redirects = true"
			}
			return "must come with a target that begins with https://, or with redirects = true"
		}
	case "tcp", "grpc", "dns":
		if no(table.child("tls")) {
			return "must come with tls = true"
		}
	case "smtp":
		if no(table.child("starttls")) && no(table.child("tls")) {
			return "must come with starttls = true or tls = true"
		}
	case "tls":
	default:
		return "" // these keys are not for this kind
	}
	return ""
}
