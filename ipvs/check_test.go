package ipvs

import (
	"net/netip"
	"strings"
	"testing"
)

func TestCheckAccepts(t *testing.T) {
	all := web(1, 0, 65535)
	all.Options = Scheduler1 | Scheduler2 | Scheduler3
	all.Persistence = Persistence{Timeout: longestTimeout, Prefix: 24}
	all.Servers[0].Route = Route{Forward: Tunnel, Encapsulation: GUE, GUEPort: 6080, Checksum: RemoteChecksum, Upper: 100, Lower: 100}
	all.Servers[1].Route = Route{Forward: Tunnel, Encapsulation: GRE, Checksum: WithChecksum}
	mixed := web(1)
	mixed.Servers = []Server{{Address: netip.MustParseAddrPort("[2001:db8::1]:80"), Route: Route{Forward: Tunnel}}}
	sip := Service{
		Key:       KeyOf(UDP, netip.MustParseAddrPort("[2001:db8::1]:0")),
		Balancing: Balancing{"sh", OnePacket, Persistence{60, 128, "sip"}},
	}
	mark := Service{Key: KeyOfMark(7, IPv6), Balancing: Balancing{Scheduler: "0123456789abcde"}}
	mark.Servers = []Server{{Address: netip.MustParseAddrPort("[2001:db8::1]:80"), Route: Route{Forward: Direct}}}
	for _, s := range []Service{web(1), web(2, 1, 1), all, mixed, sip, mark} {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckRejects(t *testing.T) {
	tests := []struct {
		what   string
		change func(*Service)
	}{
		{"family 5: want 4 or 6", func(s *Service) { s.Family = 5 }},
		{"a firewall mark and an address", func(s *Service) { s.Mark = 7 }},
		{"address [::ffff:198.18.0.1]:80: not one of a host", func(s *Service) { s.Key.Address = netip.MustParseAddrPort("[::ffff:198.18.0.1]:80") }},
		{"address 0.0.0.0:80: not one of a host", func(s *Service) { s.Key.Address = netip.MustParseAddrPort("0.0.0.0:80") }},
		{"address 224.0.0.1:80: not one of a host", func(s *Service) { s.Key.Address = netip.MustParseAddrPort("224.0.0.1:80") }},
		{"not one of a host", func(s *Service) { s.Key = KeyOf(TCP, netip.MustParseAddrPort("[fe80::1%eth0]:80")) }},
		{"not one of a host", func(s *Service) { s.Key = Key{Protocol: TCP, Family: IPv4} }},
		{"address 198.18.0.1:80: not of family 6", func(s *Service) { s.Family = IPv6 }},
		{"protocol 1: want tcp, udp or sctp", func(s *Service) { s.Protocol = 1 }},
		{`scheduler "": want 1 to 15 bytes`, func(s *Service) { s.Scheduler = "" }},
		{`scheduler "0123456789abcdef": want 1 to 15 bytes`, func(s *Service) { s.Scheduler = "0123456789abcdef" }},
		{"options 0x2: not known", func(s *Service) { s.Options = 2 }},
		{"each packet by itself is for udp", func(s *Service) { s.Options = OnePacket }},
		{"port 0 is for a service with persistence", func(s *Service) { s.Key.Address = netip.MustParseAddrPort("198.18.0.1:0") }},
		{"a persistence without timeout", func(s *Service) { s.Persistence.Prefix = 32 }},
		{"persistence 2678401 s: at most 2678400", func(s *Service) { s.Persistence = Persistence{Timeout: 31*86400 + 1, Prefix: 32} }},
		{"persistence prefix 0: want 1 to 32", func(s *Service) { s.Persistence.Timeout = 60 }},
		{"persistence prefix 33: want 1 to 32", func(s *Service) { s.Persistence = Persistence{Timeout: 60, Prefix: 33} }},
		{`engine "0123456789abcdef": at most 15`, func(s *Service) { s.Persistence = Persistence{60, 32, "0123456789abcdef"} }},
		{"server 10.0.0.1:80: weight 65536: at most 65535", func(s *Service) { s.Servers[0].Weight = 65536 }},
		{"server 0.0.0.0:80: not the address of a host", func(s *Service) { s.Servers[0].Address = netip.MustParseAddrPort("0.0.0.0:80") }},
		{"only a tunnel leads to another family", func(s *Service) { s.Servers[1].Address = netip.MustParseAddrPort("[2001:db8::1]:80") }},
		{"only nat leads to another port than 80", func(s *Service) {
			s.Servers[0] = Server{Address: netip.MustParseAddrPort("10.0.0.1:81"), Route: Route{Forward: Direct}}
		}},
		{"server 10.0.0.2:80: twice, or not in the order", func(s *Service) { s.Servers[0].Address = s.Servers[1].Address }},
		{"server 10.0.0.1:80: twice, or not in the order", func(s *Service) { s.Servers[0], s.Servers[1] = s.Servers[1], s.Servers[0] }},
		{"forward method 3: not known", func(s *Service) { s.Servers[0].Forward = 3 }},
		{"encapsulation 3: not known", func(s *Service) { s.Servers[0].Route = Route{Forward: Tunnel, Encapsulation: 3} }},
		{"checksum 3: not known", func(s *Service) { s.Servers[0].Checksum = 3 }},
		{"encapsulation without a tunnel", func(s *Service) { s.Servers[0].Encapsulation = GRE }},
		{"gue without a port", func(s *Service) { s.Servers[0].Route = Route{Forward: Tunnel, Encapsulation: GUE} }},
		{"a port of gue without gue", func(s *Service) { s.Servers[0].GUEPort = 6080 }},
		{"a checksum without gue or gre", func(s *Service) { s.Servers[0].Route = Route{Forward: Tunnel, Checksum: WithChecksum} }},
		{"a remote checksum without gue", func(s *Service) {
			s.Servers[0].Route = Route{Forward: Tunnel, Encapsulation: GRE, Checksum: RemoteChecksum}
		}},
		{"lower threshold 5: above the upper one, 4", func(s *Service) { s.Servers[0].Upper, s.Servers[0].Lower = 4, 5 }},
		{"lower threshold 1: above the upper one, 0", func(s *Service) { s.Servers[0].Lower = 1 }},
	}
	for _, test := range tests {
		s := web(1, 1, 1)
		test.change(&s)
		err := s.Check()
		if err == nil || !strings.Contains(err.Error(), test.what) {
			t.Errorf("%v, want an error with %q", err, test.what)
		}
	}
}

func TestCheckNamesAllMistakes(t *testing.T) {
	s := web(1, 70000, 1)
	s.Scheduler, s.Servers[1].Lower = "", 1
	const want = "service tcp 198.18.0.1:80: scheduler \"\": want 1 to 15 bytes\n" +
		"server 10.0.0.1:80: weight 70000: at most 65535\n" +
		"server 10.0.0.2:80: lower threshold 1: above the upper one, 0"
	if err := s.Check(); err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
}

func TestCheckTimeouts(t *testing.T) {
	if err := (Timeouts{0, 1, longestIdle}).Check(); err != nil {
		t.Error(err)
	}
	err := Timeouts{longestIdle + 1, longestIdle + 1, longestIdle + 1}.Check()
	for _, name := range []string{"tcp timeout 2147484", "tcp fin timeout 2147484", "udp timeout 2147484"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
}
