package notify

import (
	"fmt"
	"net/netip"
	"strconv"
)

// arguments returns what keepalived adds to the program of its notify: INSTANCE or GROUP,
// the name, the state and the priority, 0 for a group. To the programs of virtual and real
// servers it adds nothing.
func (e Event) arguments() []string {
	kind := e.instance()
	if kind == "" {
		return nil
	}
	return []string{kind, e.Subject.Name, e.state(), strconv.Itoa(e.Priority)}
}

// line returns what keepalived writes into its FIFO. The cluster is one more instance.
func (e Event) line() string {
	switch e.Subject.About {
	case Virtual:
		return fmt.Sprintf("VS %s %s\n", e.virtual(), e.state())
	case Server:
		return fmt.Sprintf("RS %s %s %s\n", e.Service.place(e.Subject.Server), e.virtual(), e.state())
	default:
		return fmt.Sprintf("%s %q %s %d\n", e.instance(), e.Subject.Name, e.state(), e.Priority)
	}
}

// instance is what keepalived calls what has a state; "" for what has none.
func (e Event) instance() string {
	switch e.Subject.About {
	case Router, Cluster:
		return "INSTANCE"
	case Group:
		return "GROUP"
	}
	return ""
}

// virtual is how keepalived names a virtual server: by its address, by its mark, or by the
// name of a group of several.
func (e Event) virtual() string {
	switch s := e.Service; {
	case s.FWMark != 0:
		return fmt.Sprintf("FWM %d", s.FWMark)
	case len(s.Addresses) == 1:
		return s.place(s.Addresses[0])
	default:
		return fmt.Sprintf("[%s]:0", e.Subject.Name)
	}
}

// place is how keepalived names an address of a service or of a server: with a mark there
// is no protocol.
func (s Service) place(at netip.AddrPort) string {
	protocol := s.Protocol
	if protocol == "" {
		protocol = "none"
	}
	return fmt.Sprintf("[%s]:%s:%d", at.Addr(), protocol, at.Port())
}
