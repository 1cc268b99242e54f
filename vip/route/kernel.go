package route

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// dumpTries is how often a dump is begun anew that other changes ran into.
const dumpTries = 5

// kernel reads and changes routes and rules through netlink.
type kernel struct {
	*netlink.Handle
	strict *netlink.Handle // heeds what it is asked for; package netlink's request for rules would not pass
}

// openKernel opens it in the namespace of the calling thread.
func openKernel() (kernel, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return kernel{}, fmt.Errorf("open netlink socket: %w", err)
	}
	strict, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err == nil {
		err = strict.SetStrictCheck(true)
	}
	k := kernel{h, strict}
	if err != nil {
		k.Close()
		return kernel{}, fmt.Errorf("open netlink socket that filters: %w", err)
	}
	return k, nil
}

// Close closes its sockets.
func (k kernel) Close() {
	k.Handle.Close()
	if k.strict != nil {
		k.strict.Close()
	}
}

// Index is that of an interface. It returns false when there is none.
func (k kernel) Index(name string) (int, bool, error) {
	l, err := k.LinkByName(name)
	switch {
	case errors.As(err, &netlink.LinkNotFoundError{}):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("look up interface %s: %w", name, err)
	}
	return l.Attrs().Index, true, nil
}

// Have lists what is perch's.
func (k kernel) Have() (tables, error) {
	var have tables
	for _, family := range [...]int{unix.AF_INET, unix.AF_INET6} {
		routes, err := k.routes(family)
		if err != nil {
			return tables{}, fmt.Errorf("list routes: %w", err)
		}
		rules, err := k.rules(family)
		if err != nil {
			return tables{}, fmt.Errorf("list rules: %w", err)
		}
		have.routes = append(have.routes, routes...)
		have.rules = append(have.rules, rules...)
	}
	return have, nil
}

// routes lists those of a family. What is missing in a list that others ran into time
// and again is found at the next look.
func (k kernel) routes(family int) (list []entry, err error) {
	filter := &netlink.Route{Protocol: Protocol}
	for range dumpTries {
		list = nil
		err = k.strict.RouteListFilteredIter(family, filter, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE,
			func(r netlink.Route) bool { list = append(list, asEntry(r)); return true })
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return list, err
		}
	}
	return list, nil
}

// rules lists those of a family: none, if the kernel does without it (ipv6.disable=1).
func (k kernel) rules(family int) ([]Rule, error) {
	var all []netlink.Rule
	var err error
	for range dumpTries {
		all, err = k.RuleList(family)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	switch {
	case errors.Is(err, unix.EAFNOSUPPORT):
		return nil, nil
	case err != nil && !errors.Is(err, netlink.ErrDumpInterrupted):
		return nil, err
	}
	var list []Rule
	for _, r := range all {
		if r.Protocol == Protocol {
			list = append(list, asRule(family, r))
		}
	}
	return list, nil
}

// Apply carries out one action.
func (k kernel) Apply(a action) error {
	switch a.op {
	case opAddRoute:
		return k.RouteAdd(a.route.message())
	case opRemoveRoute:
		return gone(k.RouteDel(a.route.message()))
	case opAddRule:
		return k.RuleAdd(a.rule.message())
	default:
		return gone(k.RuleDel(a.rule.message()))
	}
}

// gone is the error of a removal. That there is nothing to remove is success.
func gone(err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func (e entry) message() *netlink.Route {
	r := &netlink.Route{
		Protocol: Protocol, Dst: asNet(e.to), Gw: asIP(e.via), Src: asIP(e.source),
		LinkIndex: e.index, Table: e.table, Priority: e.metric, Scope: netlink.Scope(e.scope), Type: unix.RTN_UNICAST,
	}
	if e.onLink {
		r.Flags = unix.RTNH_F_ONLINK
	}
	if e.blackhole {
		r.Type = unix.RTN_BLACKHOLE
	}
	return r
}

func asEntry(r netlink.Route) entry {
	return entry{
		to: asPrefix(r.Dst), via: asAddr(r.Gw), index: r.LinkIndex, source: asAddr(r.Src),
		table: r.Table, metric: r.Priority, scope: uint8(r.Scope),
		onLink: r.Flags&unix.RTNH_F_ONLINK != 0, blackhole: r.Type == unix.RTN_BLACKHOLE,
	}
}

// message is a canonical rule as netlink has it.
func (r Rule) message() *netlink.Rule {
	n := netlink.NewRule()
	n.Protocol, n.Family = Protocol, unix.AF_INET
	if !r.From.Addr().Is4() {
		n.Family = unix.AF_INET6
	}
	if r.From.Bits() > 0 {
		n.Src = asNet(r.From)
	}
	if r.To.Bits() > 0 {
		n.Dst = asNet(r.To)
	}
	if r.Mask != 0 {
		n.Mark, n.Mask = r.Mark, &r.Mask
	}
	n.IifName, n.OifName, n.Table, n.Priority = r.In, r.Out, r.Table, r.Preference
	return n
}

func asRule(family int, n netlink.Rule) Rule {
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if family == unix.AF_INET6 {
		all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	r := Rule{
		From: all, To: all, In: n.IifName, Out: n.OifName,
		Mark: n.Mark, Table: n.Table, Preference: n.Priority,
	}
	if n.Src != nil {
		r.From = asPrefix(n.Src)
	}
	if n.Dst != nil {
		r.To = asPrefix(n.Dst)
	}
	if n.Mask != nil {
		r.Mask = *n.Mask
	}
	return r
}

func asNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func asIP(a netip.Addr) net.IP { return a.AsSlice() }

func asPrefix(n *net.IPNet) netip.Prefix {
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(asAddr(n.IP), bits)
}

func asAddr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap() // package netlink has 0.0.0.0 with 16 bytes
}
