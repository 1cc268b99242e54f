package route

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Protocol is the number (RTA_PROTOCOL, FRA_PROTOCOL) of the routes and rules that
// perch added: "ip route show table all proto 212" lists them. It is none of those
// that iproute2, FRR, bird or keepalived (18) use.
const Protocol = 212

// Scope is how far away the destination of an IPv4 route is.
type Scope uint8

// ScopeDefault is link without a gateway, else global.
const (
	ScopeDefault Scope = iota
	ScopeGlobal
	ScopeSite
	ScopeLink
	ScopeHost
)

// Route is one route. It is comparable.
type Route struct {
	Destination netip.Prefix // masked
	Via         netip.Addr   // the gateway, zero for none
	Device      string       // name of the interface, "" where the gateway says it
	Source      netip.Addr   // preferred source, zero for the kernel's choice
	Table       int          // 0 means the main one
	Metric      int          // 0 means the kernel's default
	Scope       Scope
	OnLink      bool // the gateway is on the link although no address says so
	Blackhole   bool // what matches is dropped; neither gateway nor interface
}

// Rule is one rule, for IPv4 unless From or To is of IPv6: "::/0" says that and
// matches all. It is comparable.
type Rule struct {
	From, To   netip.Prefix // masked; zero for any
	In, Out    string       // names of interfaces, "" for any
	Mark, Mask uint32       // of the firewall; a mask of 0 means all bits, if there is a mark
	Table      int          // where to look; 0 means the main one
	Preference int          // lower ones are asked first; at least 1
}

// String returns the route much as ip(8) writes it.
func (r Route) String() string {
	s := r.Destination.String()
	if r.Blackhole {
		s = "blackhole " + s
	}
	if r.Via.IsValid() {
		s += fmt.Sprintf(" via %s", r.Via)
	}
	if r.Device != "" {
		s += " dev " + r.Device
	}
	if r.Source.IsValid() {
		s += fmt.Sprintf(" src %s", r.Source)
	}
	if r.Table != 0 {
		s += fmt.Sprintf(" table %d", r.Table)
	}
	if r.Metric != 0 {
		s += fmt.Sprintf(" metric %d", r.Metric)
	}
	return s
}

// String returns the rule much as ip(8) writes it.
func (r Rule) String() string {
	r = r.canonical()
	s := fmt.Sprintf("%d: from %s to %s", r.Preference, r.From, r.To)
	if r.Mask != 0 {
		s += fmt.Sprintf(" fwmark %#x/%#x", r.Mark, r.Mask)
	}
	if r.In != "" {
		s += " iif " + r.In
	}
	if r.Out != "" {
		s += " oif " + r.Out
	}
	return s + fmt.Sprintf(" table %d", r.Table)
}

// check reports why r cannot be a route.
func (r Route) check() error {
	switch {
	case !r.Destination.IsValid() || r.Destination != r.Destination.Masked():
		return errors.New("destination is no masked prefix")
	case r.Blackhole && (r.Via.IsValid() || r.Device != "" || r.OnLink):
		return errors.New("a blackhole has neither gateway nor interface")
	case !r.Blackhole && !r.Via.IsValid() && r.Device == "":
		return errors.New("neither gateway nor interface nor blackhole")
	case r.OnLink && (!r.Via.IsValid() || r.Device == ""):
		return errors.New("on-link without a gateway and an interface")
	case r.mixes(r.Via) || r.mixes(r.Source):
		return errors.New("both IPv4 and IPv6")
	}
	return errors.Join(checkTable(r.Table), checkMetric(r.Metric))
}

func (r Route) mixes(addr netip.Addr) bool {
	return addr.IsValid() && addr.Is4() != r.is4()
}

func (r Route) is4() bool { return r.Destination.Addr().Is4() }

// check reports why r cannot be a rule.
func (r Rule) check() error {
	for _, p := range [...]netip.Prefix{r.From, r.To} {
		if p.IsValid() && p != p.Masked() {
			return fmt.Errorf("%s is not masked", p)
		}
	}
	switch {
	case r.From.IsValid() && r.To.IsValid() && r.From.Addr().Is4() != r.To.Addr().Is4():
		return errors.New("both IPv4 and IPv6")
	case r.Preference < 1 || int64(r.Preference) > math.MaxUint32:
		return fmt.Errorf("preference %d: want at least 1", r.Preference)
	}
	return checkTable(r.Table)
}

func checkTable(table int) error {
	if table < 0 || int64(table) > math.MaxUint32 {
		return fmt.Errorf("table %d: want at least 1, or 0 for the main one", table)
	}
	return nil
}

func checkMetric(metric int) error {
	if metric < 0 || int64(metric) > math.MaxUint32 {
		return fmt.Errorf("metric %d: want at least 1, or 0 for the default", metric)
	}
	return nil
}

// canonical is the rule with all defaults filled in, so that equal ones are the same.
func (r Rule) canonical() Rule {
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if r.From.IsValid() && !r.From.Addr().Is4() || r.To.IsValid() && !r.To.Addr().Is4() {
		all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	if !r.From.IsValid() {
		r.From = all
	}
	if !r.To.IsValid() {
		r.To = all
	}
	if r.Mark != 0 && r.Mask == 0 {
		r.Mask = math.MaxUint32
	}
	r.Table = tableOf(r.Table)
	return r
}

func tableOf(table int) int {
	if table == 0 {
		return unix.RT_TABLE_MAIN
	}
	return table
}
