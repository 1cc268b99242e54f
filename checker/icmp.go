package checker

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// icmpCheck looks whether a host answers an echo request.
type icmpCheck struct {
	host    string
	network Network
}

func newICMP(_ *Host, s Spec) (Checker, error) {
	addr, err := netip.ParseAddr(s.Target)
	source := s.Network.Source
	switch {
	case s.Target == "" || err != nil && strings.ContainsAny(s.Target, ":/[] "):
		return nil, fmt.Errorf("target %q: must be an address or a name", s.Target)
	case err == nil && (addr.IsMulticast() || addr.IsUnspecified()):
		return nil, fmt.Errorf("target %s: is no address of one host", addr)
	case err == nil && source.IsValid() && source.Unmap().Is4() != addr.Unmap().Is4():
		return nil, fmt.Errorf("source %s and target %s are not of one family", source, addr)
	}
	return &icmpCheck{s.Target, s.Network}, nil
}

// Check asks once and waits for the answer, or for a router that says that there will be
// none.
func (c *icmpCheck) Check(ctx context.Context) (Finding, error) {
	patience := patience(ctx)
	return Finding{}, explainWithin(c.ping(ctx), patience)
}

func (c *icmpCheck) ping(ctx context.Context) error {
	target, err := c.resolve(ctx)
	if err != nil {
		return err
	}
	p, err := newPing(c.network, target)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Send(ctx); err != nil {
		return err
	}
	return p.Await(ctx)
}

// resolve returns the address of the host, for a name the first one that the source can
// reach.
func (c *icmpCheck) resolve(ctx context.Context) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(c.host); err == nil {
		return addr.Unmap(), nil
	}
	family := "ip"
	if source := c.network.Source.Unmap(); source.Is4() {
		family = "ip4"
	} else if source.Is6() {
		family = "ip6"
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, family, c.host)
	if err != nil {
		return netip.Addr{}, err
	}
	return all[0].Unmap(), nil
}
