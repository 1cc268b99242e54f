package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// AS numbers of a [Fabric].
const (
	NodeASN   = 65010 // of all nodes
	RouterASN = 65000
)

// Fabric is a network in which no two nodes share a segment: each has one with the router
// alone, and so has the client. Every node tells the router by BGP what is to be reached
// by it, which is its segment at first. Where several tell it the same, the router uses all
// their ways.
type Fabric struct {
	*Lab

	Nodes  []*Host
	Router *Host
	Client *Host

	Speakers map[*Host]*Speaker // of the nodes and of the router
}

// NewFabric makes a fabric with that many nodes, named lb1, lb2 and so on. The folder is
// for the files of its speakers, which are not started. It ends with the lab.
func NewFabric(l *Lab, dir string, nodes int) (*Fabric, error) {
	f := &Fabric{Lab: l, Speakers: map[*Host]*Speaker{}}
	for i := range nodes {
		h, err := f.addHost(fmt.Sprintf("lb%d", i+1))
		if err != nil {
			return nil, err
		}
		f.Nodes = append(f.Nodes, h)
	}
	var err error
	if f.Client, err = f.addHost("client"); err != nil {
		return nil, err
	}
	if err := f.addRouter(); err != nil {
		return nil, err
	}
	for _, h := range append([]*Host{f.Router}, f.Nodes...) {
		s, err := newSpeaker(h, filepath.Join(dir, h.Name), f.bgpdConf(h))
		if err != nil {
			return nil, err
		}
		f.Speakers[h] = s
	}
	return f, nil
}

// addHost adds a host with a segment of its own.
func (f *Fabric) addHost(name string) (*Host, error) {
	h, err := f.newHost(name)
	if err != nil {
		return nil, err
	}
	sw, err := f.AddSwitch()
	if err != nil {
		return nil, err
	}
	if err := h.Do(skipDAD); err != nil {
		return nil, err
	}
	h.Eth0, err = h.Join(sw)
	return h, err
}

// addRouter joins a host to every segment, by which the others reach each other.
func (f *Fabric) addRouter() (err error) {
	if f.Router, err = f.newHost("router"); err != nil {
		return err
	}
	if err := f.Router.Do(func() error { return errors.Join(skipDAD(), forward()) }); err != nil {
		return err
	}
	for _, h := range append([]*Host{f.Client}, f.Nodes...) {
		link, err := f.Router.Join(h.Eth0.sw)
		if err != nil {
			return err
		}
		if err := h.addDefaultRoutes(link); err != nil {
			return err
		}
	}
	f.Router.Eth0 = f.Router.Links()[0]
	return nil
}

// skipDAD lets the link-local addresses of interfaces to come be used at once.
func skipDAD() error {
	return setSysctl("ipv6/conf/default/accept_dad", "0")
}

// forward makes a router of a host, which spreads packets by their ports too if there are
// several ways.
func forward() error {
	return errors.Join(
		setSysctl("ipv4/ip_forward", "1"),
		setSysctl("ipv6/conf/all/forwarding", "1"),
		setSysctl("ipv4/fib_multipath_hash_policy", "1"),
		setSysctl("ipv6/fib_multipath_hash_policy", "1"),
	)
}

// addDefaultRoutes sends all that is elsewhere to the other end of the link.
func (h *Host) addDefaultRoutes(by *Link) error {
	err := h.ns.use(func(nl *netlink.Handle) error {
		for _, via := range []netip.Addr{by.IPv4.Addr(), by.IPv6.Addr()} {
			all := ipNet(netip.PrefixFrom(via, 0).Masked())
			if err := nl.RouteAdd(&netlink.Route{Dst: all, Gw: net.IP(via.AsSlice())}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add the default routes of %s: %w", h.Name, err)
	}
	return nil
}

// prefix is that of the link's segment, of the family that addr has.
func (l *Link) prefix(addr netip.Addr) netip.Prefix {
	if addr.Is4() {
		return l.IPv4.Masked()
	}
	return l.IPv6.Masked()
}

// Uplink is the router's end of a host's segment.
func (f *Fabric) Uplink(h *Host) *Link {
	for _, link := range f.Router.Links() {
		if link.sw == h.Eth0.sw {
			return link
		}
	}
	return nil
}

// Start starts all speakers.
func (f *Fabric) Start() error {
	var errs []error
	for _, h := range append([]*Host{f.Router}, f.Nodes...) {
		errs = append(errs, f.Speakers[h].Start())
	}
	return errors.Join(errs...)
}

// Ready returns whether a node has its sessions, and the router knows its segment by them.
// Before that, bgpd takes up to a second more to tell of a change.
func (f *Fabric) Ready(node *Host) (bool, error) {
	ready, err := f.Speakers[node].Established()
	for _, p := range []netip.Prefix{node.Eth0.IPv4.Masked(), node.Eth0.IPv6.Masked()} {
		if !ready || err != nil {
			break
		}
		var from []*Host
		from, err = f.Speakers[f.Router].From(p)
		ready = slices.Contains(from, node)
	}
	return ready, err
}

// bgpdConf returns the configuration of a host's bgpd. Each pair has a session for each
// family, which notices within 3 s that the other end is silent: with BFD, which is not
// used here, that would be some 100 ms (bfdd beside bgpd, and a line "neighbor ADDRESS
// bfd" for each).
func (f *Fabric) bgpdConf(h *Host) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	asn := NodeASN
	if h == f.Router {
		asn = RouterASN
	}
	line("router bgp %d", asn)
	line(" bgp router-id %s", h.Eth0.IPv4.Addr())
	line(" no bgp ebgp-requires-policy")
	line(" no bgp default ipv4-unicast")
	four, six := f.neighbours(h)
	remote := RouterASN + NodeASN - asn
	for _, n := range append(four, six...) {
		line(" neighbor %s remote-as %d", n, remote)
		line(" neighbor %s timers 1 3", n)
		line(" neighbor %s timers connect 1", n)
		line(" neighbor %s advertisement-interval 0", n)
	}
	for _, neighbours := range [][]netip.Addr{four, six} {
		line(" address-family %s unicast", familyName(neighbours[0]))
		for _, n := range neighbours {
			line("  neighbor %s activate", n)
		}
		if h != f.Router {
			line("  network %s", h.Eth0.prefix(neighbours[0]))
		}
		line(" exit-address-family")
	}
	return b.String()
}

// neighbours returns the addresses of those with whom a host speaks BGP, by family.
func (f *Fabric) neighbours(h *Host) (four, six []netip.Addr) {
	links := []*Link{f.Uplink(h)}
	if h == f.Router {
		links = nil
		for _, n := range f.Nodes {
			links = append(links, n.Eth0)
		}
	}
	for _, link := range links {
		four, six = append(four, link.IPv4.Addr()), append(six, link.IPv6.Addr())
	}
	return four, six
}
