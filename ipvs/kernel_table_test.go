//go:build ipvs

package ipvs

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func kernelAddress(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func kernelServer(address string, weight uint32, r Route) Server {
	return Server{Address: kernelAddress(address), Weight: weight, Route: r}
}

func TestKernelKeys(t *testing.T) {
	l := newKernelLab(t)
	rr := Balancing{Scheduler: "rr"}
	four := []Server{kernelServer("10.0.0.1:80", 1, Route{}), kernelServer("10.0.0.2:8080", 0, Route{})}
	six := []Server{kernelServer("[2001:db8::1]:80", 1, Route{}), kernelServer("[2001:db8::2]:8080", 0, Route{})}
	services := []Service{
		{Key: KeyOf(TCP, kernelAddress("198.18.0.100:80")), Balancing: rr, Servers: four},
		{Key: KeyOf(UDP, kernelAddress("198.18.0.100:80")), Balancing: rr, Servers: four},
		{Key: KeyOf(SCTP, kernelAddress("198.18.0.100:80")), Balancing: rr, Servers: four},
		{Key: KeyOf(TCP, kernelAddress("[2001:db8::100]:80")), Balancing: rr, Servers: six},
		{Key: KeyOf(UDP, kernelAddress("[2001:db8::100]:80")), Balancing: rr, Servers: six},
		{Key: KeyOf(SCTP, kernelAddress("[2001:db8::100]:80")), Balancing: rr, Servers: six},
		{Key: KeyOfMark(7, IPv4), Balancing: rr, Servers: four},
		{Key: KeyOfMark(7, IPv6), Balancing: rr, Servers: six},
		{Key: KeyOfMark(4294967295, IPv4), Balancing: rr},
	}
	l.add(services...)
	l.has(services...)
	l.saves(`
		-A -t 198.18.0.100:80 -s rr
		-a -t 198.18.0.100:80 -r 10.0.0.1:80 -m -w 1
		-a -t 198.18.0.100:80 -r 10.0.0.2:8080 -m -w 0
		-A -u 198.18.0.100:80 -s rr
		-a -u 198.18.0.100:80 -r 10.0.0.1:80 -m -w 1
		-a -u 198.18.0.100:80 -r 10.0.0.2:8080 -m -w 0
		-A --sctp-service 198.18.0.100:80 -s rr
		-a --sctp-service 198.18.0.100:80 -r 10.0.0.1:80 -m -w 1
		-a --sctp-service 198.18.0.100:80 -r 10.0.0.2:8080 -m -w 0
		-A -t [2001:db8::100]:80 -s rr
		-a -t [2001:db8::100]:80 -r [2001:db8::1]:80 -m -w 1
		-a -t [2001:db8::100]:80 -r [2001:db8::2]:8080 -m -w 0
		-A -u [2001:db8::100]:80 -s rr
		-a -u [2001:db8::100]:80 -r [2001:db8::1]:80 -m -w 1
		-a -u [2001:db8::100]:80 -r [2001:db8::2]:8080 -m -w 0
		-A --sctp-service [2001:db8::100]:80 -s rr
		-a --sctp-service [2001:db8::100]:80 -r [2001:db8::1]:80 -m -w 1
		-a --sctp-service [2001:db8::100]:80 -r [2001:db8::2]:8080 -m -w 0
		-A -f 7 -s rr
		-a -f 7 -r 10.0.0.1:80 -m -w 1
		-a -f 7 -r 10.0.0.2:8080 -m -w 0
		-A -f 7 -6 -s rr
		-a -f 7 -6 -r [2001:db8::1]:80 -m -w 1
		-a -f 7 -6 -r [2001:db8::2]:8080 -m -w 0
		-A -f -1 -s rr`)
}

func TestKernelSchedulers(t *testing.T) {
	l := newKernelLab(t)
	var services []Service
	var saved strings.Builder
	for i, test := range []struct {
		balancing Balancing
		saved     string
	}{
		{Balancing{Scheduler: "rr"}, "rr"},
		{Balancing{Scheduler: "wrr"}, "wrr"},
		{Balancing{Scheduler: "lc"}, "lc"},
		{Balancing{Scheduler: "wlc"}, "wlc"},
		{Balancing{Scheduler: "lblc"}, "lblc"},
		{Balancing{Scheduler: "lblcr"}, "lblcr"},
		{Balancing{Scheduler: "dh"}, "dh"},
		{Balancing{Scheduler: "sed"}, "sed"},
		{Balancing{Scheduler: "nq"}, "nq"},
		{Balancing{Scheduler: "fo"}, "fo"},
		{Balancing{Scheduler: "ovf"}, "ovf"},
		{Balancing{Scheduler: "sh"}, "sh"},
		{Balancing{Scheduler: "sh", Options: Scheduler1}, "sh -b sh-fallback"},
		{Balancing{Scheduler: "sh", Options: Scheduler2}, "sh -b sh-port"},
		{Balancing{Scheduler: "sh", Options: Scheduler1 | Scheduler2}, "sh -b sh-fallback,sh-port"},
		{Balancing{Scheduler: "mh"}, "mh"},
		{Balancing{Scheduler: "mh", Options: Scheduler1}, "mh -b mh-fallback"},
		{Balancing{Scheduler: "mh", Options: Scheduler2}, "mh -b mh-port"},
		{Balancing{Scheduler: "mh", Options: Scheduler1 | Scheduler2}, "mh -b mh-fallback,mh-port"},
		{Balancing{Scheduler: "rr", Options: Scheduler3}, "rr -b flag-3"},
		{Balancing{Scheduler: "wrr", Options: OnePacket}, "wrr -o"},
	} {
		key := KeyOf(UDP, netip.AddrPortFrom(netip.MustParseAddr("198.18.0.100"), uint16(1+i)))
		servers := []Server{kernelServer("10.0.0.1:80", 3, Route{})}
		services = append(services, Service{Key: key, Balancing: test.balancing, Servers: servers})
		fmt.Fprintf(&saved, "-A -u %s -s %s\n", key.Address, test.saved)
		fmt.Fprintf(&saved, "-a -u %s -r 10.0.0.1:80 -m -w 3\n", key.Address)
	}
	l.add(services...)
	l.has(services...)
	l.saves(saved.String())
}

func TestKernelForwards(t *testing.T) {
	l := newKernelLab(t)
	four := Service{
		Key: KeyOf(TCP, kernelAddress("198.18.0.100:80")), Balancing: Balancing{Scheduler: "rr"},
		Servers: []Server{
			kernelServer("10.0.0.1:80", 1, Route{Forward: NAT}),
			kernelServer("10.0.0.2:80", 1, Route{Forward: Direct}),
			kernelServer("10.0.0.3:80", 1, Route{Forward: Tunnel}),
			kernelServer("10.0.0.4:80", 1, Route{Forward: Tunnel, Encapsulation: GUE, GUEPort: 6080}),
			kernelServer("10.0.0.5:80", 1, Route{Forward: Tunnel, Encapsulation: GUE, GUEPort: 6080, Checksum: WithChecksum}),
			kernelServer("10.0.0.6:80", 1, Route{Forward: Tunnel, Encapsulation: GUE, GUEPort: 6080, Checksum: RemoteChecksum}),
			kernelServer("10.0.0.7:80", 1, Route{Forward: Tunnel, Encapsulation: GRE}),
			kernelServer("10.0.0.8:80", 1, Route{Forward: Tunnel, Encapsulation: GRE, Checksum: WithChecksum}),
			kernelServer("[2001:db8::1]:80", 1, Route{Forward: Tunnel}),
		},
	}
	six := Service{
		Key: KeyOf(TCP, kernelAddress("[2001:db8::100]:80")), Balancing: Balancing{Scheduler: "rr"},
		Servers: []Server{
			kernelServer("10.0.0.3:80", 1, Route{Forward: Tunnel}),
			kernelServer("10.0.0.5:80", 1, Route{Forward: Tunnel, Encapsulation: GUE, GUEPort: 6080, Checksum: WithChecksum}),
			kernelServer("[2001:db8::1]:80", 1, Route{Forward: NAT}),
			kernelServer("[2001:db8::2]:80", 1, Route{Forward: Direct}),
			kernelServer("[2001:db8::3]:80", 1, Route{Forward: Tunnel}),
			kernelServer("[2001:db8::7]:80", 1, Route{Forward: Tunnel, Encapsulation: GRE}),
		},
	}
	l.add(four, six)
	l.has(four, six)
	l.saves(`
		-A -t 198.18.0.100:80 -s rr
		-a -t 198.18.0.100:80 -r 10.0.0.1:80 -m -w 1
		-a -t 198.18.0.100:80 -r 10.0.0.2:80 -g -w 1
		-a -t 198.18.0.100:80 -r 10.0.0.3:80 -i -w 1 --tun-type ipip
		-a -t 198.18.0.100:80 -r 10.0.0.4:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
		-a -t 198.18.0.100:80 -r 10.0.0.5:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
		-a -t 198.18.0.100:80 -r 10.0.0.6:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
		-a -t 198.18.0.100:80 -r 10.0.0.7:80 -i -w 1 --tun-type gre --tun-nocsum
		-a -t 198.18.0.100:80 -r 10.0.0.8:80 -i -w 1 --tun-type gre --tun-csum
		-a -t 198.18.0.100:80 -r [2001:db8::1]:80 -i -w 1 --tun-type ipip
		-A -t [2001:db8::100]:80 -s rr
		-a -t [2001:db8::100]:80 -r 10.0.0.3:80 -i -w 1 --tun-type ipip
		-a -t [2001:db8::100]:80 -r 10.0.0.5:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
		-a -t [2001:db8::100]:80 -r [2001:db8::1]:80 -m -w 1
		-a -t [2001:db8::100]:80 -r [2001:db8::2]:80 -g -w 1
		-a -t [2001:db8::100]:80 -r [2001:db8::3]:80 -i -w 1 --tun-type ipip
		-a -t [2001:db8::100]:80 -r [2001:db8::7]:80 -i -w 1 --tun-type gre --tun-nocsum`)
}

func TestKernelPersistence(t *testing.T) {
	l := newKernelLab(t)
	persistent := func(key Key, p Persistence) Service {
		return Service{Key: key, Balancing: Balancing{Scheduler: "rr", Persistence: p}}
	}
	services := []Service{
		persistent(KeyOf(TCP, kernelAddress("198.18.0.100:80")), Persistence{Timeout: 300, Prefix: 32}),
		persistent(KeyOf(TCP, kernelAddress("198.18.0.100:81")), Persistence{Timeout: 50, Prefix: 24}),
		persistent(KeyOf(TCP, kernelAddress("198.18.0.100:0")), Persistence{Timeout: 50, Prefix: 32}),
		persistent(KeyOf(TCP, kernelAddress("[2001:db8::100]:80")), Persistence{Timeout: 300, Prefix: 128}),
		persistent(KeyOf(TCP, kernelAddress("[2001:db8::100]:81")), Persistence{Timeout: 50, Prefix: 64}),
		persistent(KeyOf(UDP, kernelAddress("198.18.0.100:5060")), Persistence{Timeout: 50, Prefix: 32, Engine: "sip"}),
		persistent(KeyOf(UDP, kernelAddress("[2001:db8::100]:5060")), Persistence{Timeout: 50, Prefix: 128, Engine: "sip"}),
		persistent(KeyOfMark(7, IPv4), Persistence{Timeout: 50, Prefix: 24}),
		persistent(KeyOfMark(7, IPv6), Persistence{Timeout: 50, Prefix: 64, Engine: "sip"}),
	}
	l.add(services...)
	l.has(services...)
	l.saves(`
		-A -t 198.18.0.100:80 -s rr -p 300
		-A -t 198.18.0.100:81 -s rr -p 50 -M 255.255.255.0
		-A -t 198.18.0.100:0 -s rr -p 50
		-A -t [2001:db8::100]:80 -s rr -p 300
		-A -t [2001:db8::100]:81 -s rr -p 50 -M 64
		-A -u 198.18.0.100:5060 -s rr -p 50 --pe sip
		-A -u [2001:db8::100]:5060 -s rr -p 50 --pe sip
		-A -f 7 -s rr -p 50 -M 255.255.255.0
		-A -f 7 -6 -s rr -p 50 -M 64 --pe sip`)
}

// ipvsadm leaves thresholds out of what it saves.
func TestKernelThresholds(t *testing.T) {
	l := newKernelLab(t)
	server := kernelServer("10.0.0.1:80", 1, Route{Upper: 1234, Lower: 567})
	s := Service{Key: KeyOfMark(7, IPv4), Balancing: Balancing{Scheduler: "rr"}, Servers: []Server{server}}
	l.add(s)
	l.has(s)
	if out := strings.Join(strings.Fields(l.ipvsadm("-Ln", "--thresholds")), " "); !strings.Contains(out, "10.0.0.1:80 1234 567 ") {
		t.Error(out)
	}
}

func TestKernelTimeouts(t *testing.T) {
	l := newKernelLab(t)
	before, err := l.timeouts()
	if err != nil {
		t.Fatal(err)
	}
	want := Timeouts{TCP: before.TCP + 1, TCPFin: before.TCPFin, UDP: before.UDP + 2}
	if err := l.setTimeouts(Timeouts{TCP: want.TCP, UDP: want.UDP}); err != nil {
		t.Fatal(err)
	}
	if got, err := l.timeouts(); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	said := fmt.Sprintf("Timeout (tcp tcpfin udp): %d %d %d", want.TCP, want.TCPFin, want.UDP)
	if out := l.ipvsadm("-Ln", "--timeout"); strings.TrimSpace(out) != said {
		t.Errorf("ipvsadm: %q, want %q", out, said)
	}
	if err := l.setTimeouts(before); err != nil {
		t.Error(err)
	}
}
