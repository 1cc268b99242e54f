package ipvs

import (
	"errors"
	"fmt"
	"net/netip"
)

// What the kernel keeps of a value, or what it still reckons with rightly.
const (
	longestName    = 15         // of a scheduler or an engine, in bytes
	greatestWeight = 65535      // as ipvsadm has it: schedulers multiply it with connections
	longestTimeout = 31 * 86400 // s; as ipvsadm has it: the kernel counts in ticks, in 32 bits
	longestIdle    = 2147483    // s of a connection; likewise, but in 31 bits, of up to 1000 ticks a second
)

// Check returns what the kernel would refuse or misread of s: all of it, in words.
func (s Service) Check() error {
	errs := []error{s.Key.check(), s.Balancing.check(s.Key)}
	for i, server := range s.Servers {
		if err := server.check(s.Key); err != nil {
			errs = append(errs, fmt.Errorf("server %s: %w", server.Address, err))
		}
		if i > 0 && s.Servers[i-1].Address.Compare(server.Address) >= 0 {
			errs = append(errs, fmt.Errorf("server %s: twice, or not in the order of addresses", server.Address))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("service %s: %w", s.Key, err)
	}
	return nil
}

// Check returns what the kernel would refuse or misread of t.
func (t Timeouts) Check() error {
	return errors.Join(
		checkTimeout("tcp timeout", t.TCP, longestIdle),
		checkTimeout("tcp fin timeout", t.TCPFin, longestIdle),
		checkTimeout("udp timeout", t.UDP, longestIdle),
	)
}

func checkTimeout(name string, seconds, longest uint32) error {
	if seconds > longest {
		return fmt.Errorf("%s %d s: at most %d", name, seconds, longest)
	}
	return nil
}

func (k Key) check() error {
	switch {
	case k.Family != IPv4 && k.Family != IPv6:
		return fmt.Errorf("family %d: want 4 or 6", k.Family)
	case k.Mark != 0 && k != KeyOfMark(k.Mark, k.Family):
		return errors.New("a firewall mark and an address, or a protocol")
	case k.Mark != 0:
		return nil
	case !usable(k.Address.Addr()):
		return fmt.Errorf("address %s: not one of a host", k.Address)
	case k.Family != FamilyOf(k.Address.Addr()):
		return fmt.Errorf("address %s: not of family %d", k.Address, k.Family)
	case k.Protocol != TCP && k.Protocol != UDP && k.Protocol != SCTP:
		return fmt.Errorf("%s: want tcp, udp or sctp", k.Protocol)
	}
	return nil
}

// usable says that the kernel reads an address as it is written.
func usable(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast()
}

func (b Balancing) check(k Key) error {
	var errs []error
	if n := len(b.Scheduler); n == 0 || n > longestName {
		errs = append(errs, fmt.Errorf("scheduler %q: want 1 to %d bytes", b.Scheduler, longestName))
	}
	if b.Options&^(OnePacket|Scheduler1|Scheduler2|Scheduler3) != 0 {
		errs = append(errs, fmt.Errorf("options %#x: not known", uint32(b.Options)))
	}
	if b.Options&OnePacket != 0 && k.Mark == 0 && k.Protocol != UDP {
		errs = append(errs, errors.New("scheduling of each packet by itself is for udp"))
	}
	if k.Mark == 0 && k.Address.Port() == 0 && b.Persistence.Timeout == 0 {
		errs = append(errs, errors.New("port 0 is for a service with persistence"))
	}
	return errors.Join(append(errs, b.Persistence.check(k.Family))...)
}

func (p Persistence) check(f Family) error {
	bits := 32
	if f == IPv6 {
		bits = 128
	}
	switch {
	case p.Timeout == 0 && p != Persistence{}:
		return errors.New("prefix or engine of a persistence without timeout")
	case p.Timeout == 0:
		return nil
	case p.Timeout > longestTimeout:
		return checkTimeout("persistence", p.Timeout, longestTimeout)
	case p.Prefix < 1 || p.Prefix > bits:
		return fmt.Errorf("persistence prefix %d: want 1 to %d", p.Prefix, bits)
	case len(p.Engine) > longestName:
		return fmt.Errorf("persistence engine %q: at most %d bytes", p.Engine, longestName)
	}
	return nil
}

func (s Server) check(k Key) error {
	errs := []error{s.Route.check()}
	if s.Weight > greatestWeight {
		errs = append(errs, fmt.Errorf("weight %d: at most %d", s.Weight, greatestWeight))
	}
	if !usable(s.Address.Addr()) {
		return errors.Join(append(errs, errors.New("not the address of a host"))...)
	}
	if s.Forward != Tunnel && FamilyOf(s.Address.Addr()) != k.Family {
		errs = append(errs, errors.New("only a tunnel leads to another family of addresses"))
	}
	if s.Forward != NAT && k.Mark == 0 && s.Address.Port() != k.Address.Port() {
		errs = append(errs, fmt.Errorf("only nat leads to another port than %d", k.Address.Port()))
	}
	return errors.Join(errs...)
}

// check is strict about what has no meaning with the others: the kernel does not keep it,
// so that what is wanted and what there is would differ for ever.
func (r Route) check() error {
	gue := r.Forward == Tunnel && r.Encapsulation == GUE
	switch {
	case r.Forward > Tunnel:
		return fmt.Errorf("forward method %d: not known", r.Forward)
	case r.Encapsulation > GRE:
		return fmt.Errorf("encapsulation %d: not known", r.Encapsulation)
	case r.Checksum > RemoteChecksum:
		return fmt.Errorf("checksum %d: not known", r.Checksum)
	case r.Encapsulation != IPIP && r.Forward != Tunnel:
		return errors.New("encapsulation without a tunnel")
	case gue && r.GUEPort == 0:
		return errors.New("gue without a port")
	case !gue && r.GUEPort != 0:
		return errors.New("a port of gue without gue")
	case r.Checksum != NoChecksum && r.Encapsulation == IPIP:
		return errors.New("a checksum without gue or gre")
	case r.Checksum == RemoteChecksum && !gue:
		return errors.New("a remote checksum without gue")
	case r.Lower > r.Upper:
		return fmt.Errorf("lower threshold %d: above the upper one, %d", r.Lower, r.Upper)
	}
	return nil
}
