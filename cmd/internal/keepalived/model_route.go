package keepalived

import (
	"net/netip"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// route is one of virtual_routes or static_routes.
type route struct {
	by          *syntax.Statement
	destination netip.Prefix
	via, source netip.Addr
	dev         string
	table       int // 0 for the main one
	metric      int
	scope       string // "" for the kernel's choice
	onLink      bool
	blackhole   bool
	noTrack     bool
}

// rule is one of virtual_rules or static_rules.
type rule struct {
	by       *syntax.Statement
	from, to netip.Prefix
	iif, oif string
	fwmark   int
	fwmask   int // 0 for all bits
	table    int
	pref     int
	ipv6     bool
	noTrack  bool
}
