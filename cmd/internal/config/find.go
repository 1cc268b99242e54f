package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// FindServer returns the service and the real server of it that are meant by what
// somebody wrote: the name of a service, or an address that it alone has, and the
// address of a server, also without its port where one server only has that address.
// The error says which there are, or what may have been meant.
func (c *Config) FindServer(service, server string) (Service, RealServer, error) {
	s, err := c.findService(service)
	if err != nil {
		return Service{}, RealServer{}, err
	}
	r, err := s.findServer(server)
	if err != nil {
		return Service{}, RealServer{}, fmt.Errorf("service %s: %w", s.Name, err)
	}
	return s, r, nil
}

func (c *Config) findService(word string) (Service, error) {
	var names []string
	var at []Service // with that address
	address, err := netip.ParseAddrPort(word)
	for _, s := range c.Services {
		if s.Name == word {
			return s, nil
		}
		names = append(names, s.Name)
		if err == nil && slices.Contains(s.Addresses, address) {
			at = append(at, s)
		}
	}
	switch len(at) {
	case 0:
		return Service{}, fmt.Errorf("no service is named %q: %s", shorten(word), meant(word, names))
	case 1:
		return at[0], nil
	default:
		return Service{}, fmt.Errorf("the address %s is that of %s and %s: name one of them", address, at[0].Name, at[1].Name)
	}
}

func (s Service) findServer(word string) (RealServer, error) {
	var names []string
	var at []RealServer // with that address
	address, _ := netip.ParseAddr(word)
	whole, _ := netip.ParseAddrPort(word)
	for _, r := range s.Servers {
		if r.Address == whole {
			return r, nil
		}
		names = append(names, r.Address.String())
		if r.Address.Addr() == address {
			at = append(at, r)
		}
	}
	switch len(at) {
	case 0:
		return RealServer{}, fmt.Errorf("no server has the address %q: %s", shorten(word), meant(word, names))
	case 1:
		return at[0], nil
	default:
		return RealServer{}, fmt.Errorf("the address %s is that of %s and %s: write the port, too", address, at[0].Address, at[1].Address)
	}
}

// meant says which name a word may have been meant to be.
func meant(word string, names []string) string {
	if near, ok := nearest(word, names); ok {
		return "did you mean " + near + "?"
	}
	if len(names) == 0 {
		return "there is none"
	}
	few := names[:min(len(names), fewNames)]
	return "there are " + shorten(strings.Join(few, ", "))
}
