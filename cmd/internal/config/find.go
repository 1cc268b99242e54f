package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// FindServer returns the name of the service and the address of the real server of it
// that are meant by what somebody wrote: the name of a service, or an address that it
// alone has, and the address of a server, also without its port where one server only
// has that address. The error says which there are, or what may have been meant.
func (c *Config) FindServer(service, server string) (name, address string, err error) {
	s, err := c.findService(service)
	if err != nil {
		return "", "", err
	}
	address, err = s.findServer(server)
	if err != nil {
		return "", "", fmt.Errorf("service %s: %w", s.Name, err)
	}
	return s.Name, address, nil
}

func (c *Config) findService(word string) (*Service, error) {
	var names []string
	var at []*Service                // with that address
	host, _ := netip.ParseAddr(word) // no service has the zero value
	whole, _ := netip.ParseAddrPort(word)
	is := func(a netip.AddrPort) bool { return a == whole || a.Addr() == host }
	for i := range c.Services {
		s := &c.Services[i]
		if s.Name == word {
			return s, nil
		}
		names = append(names, s.Name)
		if slices.ContainsFunc(s.Addresses, is) {
			at = append(at, s)
		}
	}
	switch {
	case len(names) == 0: // as on a witness
		return nil, errors.New("the config of this node has no service: ask a node that has")
	case len(at) == 0:
		return nil, fmt.Errorf("no service is named %q: %s", shorten(word), meant(word, names))
	case len(at) == 1:
		return at[0], nil
	default:
		return nil, fmt.Errorf("the address %s is that of %s and %s: name one of them", word, at[0].Name, at[1].Name)
	}
}

func (s *Service) findServer(word string) (string, error) {
	var names, at []string              // at has those with that address
	address, _ := netip.ParseAddr(word) // no server has the zero value
	whole, _ := netip.ParseAddrPort(word)
	for i := range s.Servers {
		r := s.Servers[i].Address
		name := r.String()
		if r == whole {
			return name, nil
		}
		names = append(names, name)
		if r.Addr() == address {
			at = append(at, name)
		}
	}
	switch len(at) {
	case 0:
		return "", fmt.Errorf("no server has the address %q: %s", shorten(word), meant(word, names))
	case 1:
		return at[0], nil
	default:
		return "", fmt.Errorf("the address %s is that of %s and %s: write the port, too", address, at[0], at[1])
	}
}

// meant says which name a word may have been meant to be.
func meant(word string, names []string) string {
	if near, ok := Nearest(word, names); ok {
		return "did you mean " + near + "?"
	}
	switch len(names) {
	case 0:
		return "there is none"
	case 1:
		return "there is " + shorten(names[0])
	}
	few := names[:min(len(names), fewNames)]
	return "there are " + shorten(strings.Join(few, ", "))
}
