//go:build ipvs

package ipvs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

func kernelService() Service {
	return Service{
		Key:       KeyOf(TCP, kernelAddress("198.18.0.100:80")),
		Balancing: Balancing{Scheduler: "rr"},
		Servers:   []Server{kernelServer("10.0.0.1:80", 1, Route{}), kernelServer("10.0.0.2:80", 1, Route{})},
	}
}

// What is edited in place is not removed for a moment: the kernel goes on counting.
func TestKernelEditsServers(t *testing.T) {
	l := newKernelLab(t)
	vip := newKernelVIP(t)
	s := Service{Key: KeyOf(TCP, vip.address), Balancing: Balancing{Scheduler: "rr"}, Servers: []Server{{Address: vip.server, Weight: 1}}}
	l.add(s)
	vip.connect(t)
	l.awaitCount()
	for _, edit := range []Server{
		{Address: vip.server, Weight: 7},
		{Address: vip.server, Weight: 0},
		{Address: vip.server, Weight: 1, Route: Route{Upper: 100, Lower: 50}},
		{Address: vip.server, Weight: 1, Route: Route{Forward: Direct}},
		{Address: vip.server, Weight: 1, Route: Route{Forward: Tunnel, Encapsulation: GRE, Checksum: WithChecksum}},
		{Address: vip.server, Weight: 1, Route: Route{Forward: Tunnel, Encapsulation: GUE, GUEPort: 6080}},
		{Address: vip.server, Weight: 1, Route: Route{Forward: Tunnel}},
		{Address: vip.server, Weight: 1},
	} {
		l.do(step{verb: editServer, Key: s.Key, Server: edit})
		s.Servers = []Server{edit}
		l.has(s)
		l.counts(s.Key)
	}
}

func TestKernelEditsServices(t *testing.T) {
	l := newKernelLab(t)
	vip := newKernelVIP(t)
	s := Service{Key: KeyOf(TCP, vip.address), Balancing: Balancing{Scheduler: "rr"}, Servers: []Server{{Address: vip.server, Weight: 1}}}
	l.add(s)
	vip.connect(t)
	l.awaitCount()
	for _, edit := range []Balancing{
		{Scheduler: "wlc"},
		{Scheduler: "sh", Options: Scheduler1 | Scheduler2},
		{Scheduler: "sh"},
		{Scheduler: "rr", Persistence: Persistence{Timeout: 60, Prefix: 24}},
		{Scheduler: "rr", Persistence: Persistence{Timeout: 90, Prefix: 32, Engine: "sip"}},
		{Scheduler: "rr", Persistence: Persistence{Timeout: 90, Prefix: 32}},
		{Scheduler: "rr"},
	} {
		l.do(step{verb: editService, Key: s.Key, Balancing: edit})
		s.Balancing = edit
		l.has(s)
		l.counts(s.Key)
	}
}

// awaitCount waits for the kernel, which brings what it tells of its counters up to date
// every 2 s.
func (l *kernelLab) awaitCount() {
	l.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		counted, err := l.counters()
		if err != nil {
			l.t.Fatal(err)
		}
		if counted[0].Connections != 0 {
			return
		}
	}
	l.t.Fatal("the kernel has counted nothing")
}

// counts sees that the kernel knows of one connection, of a service and its only server.
func (l *kernelLab) counts(key Key) {
	l.t.Helper()
	counted, err := l.counters()
	if err != nil || len(counted) != 1 || len(counted[0].Servers) != 1 {
		l.t.Fatalf("%+v, %v", counted, err)
	}
	service, server := counted[0], counted[0].Servers[0]
	if service.Key != key || service.Connections != 1 || server.Connections != 1 || server.Active != 1 {
		l.t.Errorf("%s: service %+v, server %+v", service.Key, service.Counters, server)
	}
	if service.PacketsIn < 2 || service.BytesIn < 80 || service.PacketsOut < 1 || service.BytesOut < 40 {
		l.t.Errorf("counted %+v", service.Counters)
	}
}

// kernelVIP is a VIP of a dummy interface, and a server behind it on lo.
type kernelVIP struct{ address, server netip.AddrPort }

func newKernelVIP(t *testing.T) kernelVIP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	runKernel(t, "ip", "link", "add", "vip0", "type", "dummy")
	t.Cleanup(func() { runKernel(t, "ip", "link", "del", "vip0") })
	runKernel(t, "ip", "address", "add", "198.18.0.100/32", "dev", "vip0")
	runKernel(t, "ip", "link", "set", "vip0", "up")
	return kernelVIP{address: kernelAddress("198.18.0.100:80"), server: listener.Addr().(*net.TCPAddr).AddrPort()}
}

// connect opens a connection until the end of the test.
func (v kernelVIP) connect(t *testing.T) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", v.address.String(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
}

// Whatever a step finds done, or gone, is no error, but for a service that somebody else has
// made by then.
func TestKernelRepeats(t *testing.T) {
	l := newKernelLab(t)
	s := kernelService()
	steps := stepsToAdd(s)
	l.do(steps...)
	l.do(steps[1:]...)
	l.has(s)
	if err := l.carryOut(steps[:1])[0]; !errors.Is(err, errMadeByOthers) {
		t.Errorf("added again: %v, want %v", err, errMadeByOthers)
	}
	remove := []step{
		{verb: removeServer, Key: s.Key, Server: s.Servers[0]},
		{verb: removeServer, Key: s.Key, Server: s.Servers[0]},
		{verb: removeService, Key: s.Key},
		{verb: removeService, Key: s.Key},
		{verb: removeServer, Key: s.Key, Server: s.Servers[1]},
	}
	l.do(remove[:2]...)
	s.Servers = s.Servers[1:]
	l.has(s)
	l.do(remove...)
	l.has()
	l.saves("")
}

func TestKernelRefuses(t *testing.T) {
	l := newKernelLab(t)
	s, other := kernelService(), KeyOf(UDP, kernelAddress("198.18.0.100:53"))
	mixed := kernelServer("[2001:db8::1]:80", 1, Route{})
	reversed := kernelServer("10.0.0.9:80", 1, Route{Upper: 1, Lower: 2})
	rr, foo := Balancing{Scheduler: "rr"}, Balancing{Scheduler: "foo"}
	bar := Balancing{Scheduler: "rr", Persistence: Persistence{Timeout: 1, Prefix: 32, Engine: "bar"}}
	var steps []step
	var want []string
	for _, test := range []struct {
		step step
		want string
	}{
		{step{verb: addService, Key: other, Balancing: foo}, `add service udp 198.18.0.100:53: scheduler "foo": the kernel does not have it, nor a module ip_vs_foo`},
		{step{verb: addService, Key: other, Balancing: bar}, `add service udp 198.18.0.100:53: scheduler "rr" or persistence engine "bar": the kernel does not have it, nor a module ip_vs_rr or ip_vs_pe_bar`},
		{step{verb: addService, Key: s.Key, Balancing: rr}, "<nil>"},
		{step{verb: editService, Key: s.Key, Balancing: foo}, `edit service tcp 198.18.0.100:80: scheduler "foo": the kernel does not have it, nor a module ip_vs_foo`},
		{step{verb: editService, Key: other, Balancing: rr}, "edit service udp 198.18.0.100:53: the kernel does not have it"},
		{step{verb: addServer, Key: other, Server: s.Servers[0]}, "add server 10.0.0.1:80 to udp 198.18.0.100:53: its service: the kernel does not have it"},
		{step{verb: addServer, Key: s.Key, Server: s.Servers[0]}, "<nil>"},
		{step{verb: editServer, Key: s.Key, Server: s.Servers[1]}, "edit server 10.0.0.2:80 of tcp 198.18.0.100:80: the kernel does not have it"},
		{step{verb: addServer, Key: s.Key, Server: mixed}, "add server [2001:db8::1]:80 to tcp 198.18.0.100:80: a server of another family than its service needs a tunnel, and no sync daemon: invalid argument"},
		{step{verb: addServer, Key: s.Key, Server: reversed}, "add server 10.0.0.9:80 to tcp 198.18.0.100:80: numerical result out of range"},
		{step{verb: addServer, Key: s.Key, Server: s.Servers[1]}, "<nil>"},
	} {
		steps, want = append(steps, test.step), append(want, test.want)
	}
	for i, err := range l.carryOut(steps) {
		if got := fmt.Sprint(err); got != want[i] {
			t.Errorf("%q, want %q", got, want[i])
		}
	}
	l.has(s)
}

// The answers to many more failures than go in one datagram find room.
func TestKernelRefusesMany(t *testing.T) {
	l := newKernelLab(t)
	steps := make([]step, 10*batch+1)
	for i := range steps {
		steps[i] = step{verb: editServer, Key: KeyOfMark(uint32(1+i), IPv4), Server: kernelServer("10.0.0.1:80", 1, Route{})}
	}
	for i, err := range l.carryOut(steps) {
		want := fmt.Sprintf("edit server 10.0.0.1:80 of fwmark %d ipv4: its service: the kernel does not have it", 1+i)
		if fmt.Sprint(err) != want {
			t.Fatalf("%v, want %s", err, want)
		}
	}
}
