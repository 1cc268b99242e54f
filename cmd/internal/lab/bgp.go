package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Established returns whether the speaker has a session with each of its neighbours.
func (s *Speaker) Established() (bool, error) {
	answer, err := s.Ask("show bgp summary json")
	if err != nil {
		return false, err
	}
	var families map[string]struct {
		Peers map[string]struct{ State string }
	}
	if err := json.Unmarshal([]byte(answer), &families); err != nil {
		return false, fmt.Errorf("read the summary of %s: %w", s.BGPD.Name, err)
	}
	for _, family := range families {
		for _, peer := range family.Peers {
			if peer.State != "Established" {
				return false, nil
			}
		}
	}
	return len(families) > 0, nil
}

// From returns who told the speaker a way to the prefix that it may use, in the order of
// the lab's hosts. It is nil in the list if the speaker has the prefix of its own.
func (s *Speaker) From(prefix netip.Prefix) ([]*Host, error) {
	answer, err := s.Ask(fmt.Sprintf("show bgp %s unicast %s json", familyName(prefix.Addr()), prefix))
	if err != nil {
		return nil, err
	}
	var entry struct {
		Paths []struct {
			Valid bool
			Peer  struct{ PeerID netip.Addr }
		}
	}
	if err := json.Unmarshal([]byte(answer), &entry); err != nil {
		return nil, fmt.Errorf("read the paths of %s: %w", s.BGPD.Name, err)
	}
	var from []*Host
	for _, path := range entry.Paths {
		if path.Valid {
			from = append(from, s.Host.lab.hostByAddress(path.Peer.PeerID))
		}
	}
	s.Host.lab.sortHosts(from)
	return from, nil
}

// Networks returns the prefixes that bgpd is told to announce, sorted.
func (s *Speaker) Networks() ([]netip.Prefix, error) {
	config, err := s.Ask("write terminal")
	if err != nil {
		return nil, err
	}
	var networks []netip.Prefix
	for line := range strings.Lines(config) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "network" {
			continue
		}
		p, err := netip.ParsePrefix(words[1])
		if err != nil {
			return nil, fmt.Errorf("read the networks of %s: %w", s.BGPD.Name, err)
		}
		networks = append(networks, p)
	}
	slices.SortFunc(networks, netip.Prefix.Compare)
	return networks, nil
}

// Network has bgpd announce a prefix, as an operator would, for as long as zebra has a
// route to just that one.
func (s *Speaker) Network(asn int, prefix netip.Prefix) error {
	return s.configure(asn, prefix, "network %s")
}

// NoNetwork undoes Network.
func (s *Speaker) NoNetwork(asn int, prefix netip.Prefix) error {
	return s.configure(asn, prefix, "no network %s")
}

func (s *Speaker) configure(asn int, prefix netip.Prefix, format string) error {
	_, err := s.Ask("configure terminal", fmt.Sprintf("router bgp %d", asn),
		fmt.Sprintf("address-family %s unicast", familyName(prefix.Addr())), fmt.Sprintf(format, prefix))
	return err
}

func familyName(addr netip.Addr) string {
	if addr.Is4() {
		return "ipv4"
	}
	return "ipv6"
}

// hostByAddress returns the host that has an interface with the address, be it one that
// the lab gave it or the link-local one of its MAC address, or nil.
func (l *Lab) hostByAddress(addr netip.Addr) *Host {
	for _, h := range l.Hosts() {
		for _, link := range h.Links() {
			if addr == link.IPv4.Addr() || addr == link.IPv6.Addr() || addr.WithZone("") == linkLocalOf(MAC(link.MAC)) {
				return h
			}
		}
	}
	return nil
}

// linkLocalOf returns the address that the kernel makes of a MAC address.
func linkLocalOf(m MAC) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
}

// sortHosts puts hosts into the order in which they were added.
func (l *Lab) sortHosts(hosts []*Host) {
	order := l.Hosts()
	slices.SortFunc(hosts, func(a, b *Host) int { return slices.Index(order, a) - slices.Index(order, b) })
}
