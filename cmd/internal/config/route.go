package config

import "net/netip"

// Static is what is held for as long as the daemon runs, whoever is the owner of what.
type Static struct {
	Addresses []Address
	Routes    []Route
	Rules     []Rule
}

// Route is a route that comes and goes with its router, or with the daemon. It has at
// least one of Via, Dev and Blackhole.
type Route struct {
	Destination netip.Prefix // masked
	Via         netip.Addr   // the gateway; not valid for none
	Dev         string       // empty for the one that leads to Via
	Source      netip.Addr   // preferred; not valid for the kernel's choice
	Table       uint32       // 254 is the main one
	Metric      uint32       // 0 for the kernel's default
	Scope       string       // "global", "link" or "host"
	OnLink      bool         // Via is on Dev, whatever its prefixes say
	Blackhole   bool
}

// Rule is a routing rule that comes and goes with its router, or with the daemon.
type Rule struct {
	IPv6     bool         // its family
	From, To netip.Prefix // masked; not valid for any
	IIF, OIF string       // empty for any
	FWMark   uint32       // as far as FWMask has its bits
	FWMask   uint32       // 0 for any mark
	Table    uint32
	Pref     uint32 // 0 for the kernel's choice
}
