package checker

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// endpoint returns the host of a target, and the host with the port to connect to, which
// is fallback if the target has none; "" for a target that must have one. The network's
// source can reach it.
func endpoint(s Spec, fallback string) (host, address string, err error) {
	host, port, err := splitTarget(s.Target, fallback)
	if err != nil {
		return "", "", err
	}
	if err := s.Network.fits(host); err != nil {
		return "", "", err
	}
	return host, net.JoinHostPort(host, port), nil
}

func splitTarget(target, fallback string) (host, port string, err error) {
	if fallback != "" && isHost(target) {
		return target, fallback, nil
	}
	host, port, err = net.SplitHostPort(target)
	if err != nil || host == "" {
		return "", "", fmt.Errorf("target %q: must be %s", target, targetShape(fallback))
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return "", "", fmt.Errorf("target %q: port %q: must be 1 to 65535", target, port)
	}
	return host, port, nil
}

// isHost tells whether a target is a host without a port.
func isHost(target string) bool {
	_, err := netip.ParseAddr(target)
	return err == nil || target != "" && !strings.ContainsAny(target, ":[]")
}

func targetShape(fallback string) string {
	if fallback == "" {
		return `"host:port"`
	}
	return `"host" or "host:port"`
}

// fits tells whether packets from the source can go to a host, which may be a name.
func (n Network) fits(host string) error {
	addr, err := netip.ParseAddr(host)
	if err != nil || !n.Source.IsValid() || n.Source.Unmap().Is4() == addr.Unmap().Is4() {
		return nil
	}
	return fmt.Errorf("source %s and target %s are not of one family", n.Source, host)
}
