package config

import (
	"net/netip"
	"strings"
	"testing"
)

func TestFindServer(t *testing.T) {
	at := func(addresses ...string) (list []RealServer) {
		for _, a := range addresses {
			list = append(list, RealServer{Address: netip.MustParseAddrPort(a)})
		}
		return list
	}
	addresses := func(list ...string) (parsed []netip.AddrPort) {
		for _, a := range list {
			parsed = append(parsed, netip.MustParseAddrPort(a))
		}
		return parsed
	}
	cfg := &Config{Services: []Service{
		{Name: "web", Addresses: addresses("198.18.0.100:80", "[2001:db8::100]:80"), Servers: at("10.0.0.11:80", "10.0.0.12:80", "10.0.0.12:81", "[2001:db8::11]:80")},
		{Name: "198.18.0.100:53/udp", Addresses: addresses("198.18.0.100:53"), Servers: at("10.0.0.11:53")},
		{Name: "198.18.0.100:53/tcp", Addresses: addresses("198.18.0.100:53"), Servers: at("10.0.0.11:53")},
		{Name: "marked", FWMark: 7, Servers: at("10.0.0.11:0")},
		{Name: "sorry-only"},
	}}
	tests := []struct{ service, server, want string }{
		{"web", "10.0.0.11:80", "web 10.0.0.11:80"},
		{"198.18.0.100:80", "10.0.0.11:80", "web 10.0.0.11:80"},
		{"[2001:db8:0::100]:80", "[2001:db8:0::11]:80", "web [2001:db8::11]:80"},
		{"2001:db8::100", "10.0.0.11:80", "web 10.0.0.11:80"},
		{"198.18.0.100", "10.0.0.11:80", "the address 198.18.0.100 is that of web and 198.18.0.100:53/udp: name one of them"},
		{"web", "10.0.0.11", "web 10.0.0.11:80"},
		{"web", "2001:db8::11", "web [2001:db8::11]:80"},
		{"marked", "10.0.0.11", "marked 10.0.0.11:0"},
		{"198.18.0.100:53/udp", "10.0.0.11:53", "198.18.0.100:53/udp 10.0.0.11:53"},
		{"marked", "localhost", `service marked: no server has the address "localhost": there is 10.0.0.11:0`},
		{"wbe", "10.0.0.11:80", `no service is named "wbe": did you mean web?`},
		{"ftp.example", "10.0.0.11:80", `no service is named "ftp.example": there are web, 198.18.0.100:53/udp, 198.18.0.100:53/tcp, marked, sorry-only`},
		{"198.18.0.100:443", "10.0.0.11:443", `no service is named "198.18.0.100:443": there are web, 198.18.0.100:53/udp, 198.18.0.100:53/tcp, marked, sorry-only`},
		{"198.18.0.100:53", "10.0.0.11", "the address 198.18.0.100:53 is that of 198.18.0.100:53/udp and 198.18.0.100:53/tcp: name one of them"},
		{"web", "10.0.0.12", "service web: the address 10.0.0.12 is that of 10.0.0.12:80 and 10.0.0.12:81: write the port, too"},
		{"web", "10.0.0.21:80", `service web: no server has the address "10.0.0.21:80": did you mean 10.0.0.11:80?`},
		{"web", "localhost", `service web: no server has the address "localhost": there are 10.0.0.11:80, 10.0.0.12:80, 10.0.0.12:81, [2001:db8::11]:80`},
		{"sorry-only", "10.0.0.11", `service sorry-only: no server has the address "10.0.0.11": there is none`},
		{"\x1b" + strings.Repeat("x", 5000), "a", `no service is named "\x1b` + strings.Repeat("x", 79) + `...": there are web, 198.18.0.100:53/udp, 198.18.0.100:53/tcp, marked, sorry-only`},
		{"", "", `no service is named "": there are web, 198.18.0.100:53/udp, 198.18.0.100:53/tcp, marked, sorry-only`},
	}
	for _, tt := range tests {
		name, address, err := cfg.FindServer(tt.service, tt.server)
		got := name + " " + address
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%.40q %q: %s\nwant %s", tt.service, tt.server, got, tt.want)
		}
	}
	if _, _, err := new(Config).FindServer("web", "a"); err == nil || err.Error() != "the config of this node has no service: ask a node that has" {
		t.Errorf("without services: %v", err)
	}
}
