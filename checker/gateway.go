package checker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// gatewayCheck looks whether a neighbor answers for its address, by ARP or by neighbor
// discovery. It asks itself, as any host would that does not know the neighbor: what the
// kernel believes of the neighbor may be old. Who answers does not matter: it may be a
// proxy, or another router that has taken the address over.
type gatewayCheck struct {
	addr    netip.Addr
	network Network
}

func newGateway(_ *Host, s Spec) (Checker, error) {
	addr, err := netip.ParseAddr(s.Target)
	if err != nil {
		return nil, fmt.Errorf("target %q: must be an address", s.Target)
	}
	c := &gatewayCheck{addr.Unmap().WithZone(""), s.Network}
	if c.network.Interface == "" {
		c.network.Interface = addr.Zone()
	}
	return c, c.validate()
}

func (c *gatewayCheck) validate() error {
	switch source := c.network.Source; {
	case c.addr.IsMulticast(), c.addr.IsUnspecified(), c.addr.IsLoopback():
		return fmt.Errorf("target %s: can be no neighbor", c.addr)
	case c.addr.Is6() && c.addr.IsLinkLocalUnicast() && c.network.Interface == "":
		return fmt.Errorf("target %s: a link-local address needs an interface", c.addr)
	case source.IsValid() && source.Unmap().Is4() != c.addr.Is4():
		return fmt.Errorf("source %s and target %s are not of one family", source, c.addr)
	}
	return nil
}

// Check asks once and waits for the answer.
func (c *gatewayCheck) Check(ctx context.Context) (Finding, error) {
	patience := patience(ctx)
	w, err := c.network.neighborWay(c.addr)
	if err != nil {
		return Finding{}, err
	}
	ask, protocol := askND, "neighbor discovery"
	if c.addr.Is4() {
		ask, protocol = askARP, "ARP"
	}
	err = ask(ctx, w, c.addr)
	if errors.Is(err, context.DeadlineExceeded) {
		return Finding{}, because("%s does not answer %s on %s within %v", c.addr, protocol, w.link.Name, patience)
	}
	return Finding{}, explain(err)
}
