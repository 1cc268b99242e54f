//go:build ipvs

package balance

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// schedulers are those that the kernel has, with the weights of three servers and what
// is peculiar to each.
var schedulers = []struct {
	scheduler string
	options   string // with commas in between
	weights   [3]int
	shows     func(*scheduled)
}{
	{"rr", "", [3]int{1, 2, 3}, (*scheduled).takesTurns},
	{"wrr", "", [3]int{1, 2, 3}, func(s *scheduled) { s.counts(s.ask(12), 2, 4, 6) }},
	{"lc", "", [3]int{1, 2, 3}, func(s *scheduled) { s.counts(s.hold(6), 2, 2, 2) }},
	{"wlc", "", [3]int{1, 2, 3}, func(s *scheduled) { s.counts(s.hold(6), 1, 2, 3) }},
	{"sed", "", [3]int{1, 2, 3}, func(s *scheduled) { s.counts(s.hold(3), 0, 1, 2) }},
	{"nq", "", [3]int{1, 2, 3}, (*scheduled).queuesNobody},
	{"lblc", "", [3]int{1, 1, 1}, func(s *scheduled) { s.overloads((*scheduled).staysMoved) }},
	{"lblcr", "", [3]int{1, 1, 1}, func(s *scheduled) { s.overloads((*scheduled).comesBack) }},
	{"dh", "", [3]int{1, 1, 1}, (*scheduled).goesByDestination},
	{"sh", "", [3]int{1, 1, 1}, func(s *scheduled) { s.keepsClients(); s.refusesWithoutWeight() }},
	{"sh", "sh-port", [3]int{1, 1, 1}, (*scheduled).goesByPort},
	{"sh", "sh-fallback", [3]int{1, 1, 1}, func(s *scheduled) { s.keepsClients(); s.fallsBack() }},
	{"sh", "sh-port,sh-fallback", [3]int{1, 1, 1}, func(s *scheduled) { s.goesByPort(); s.fallsBack() }},
	{"mh", "", [3]int{1, 1, 1}, func(s *scheduled) { s.keepsClients(); s.refusesWithoutWeight() }},
	{"mh", "mh-port", [3]int{1, 1, 1}, (*scheduled).goesByPort},
	{"mh", "mh-fallback", [3]int{1, 1, 1}, func(s *scheduled) { s.keepsClients(); s.fallsBack() }},
	{"mh", "mh-port,mh-fallback", [3]int{1, 1, 1}, func(s *scheduled) { s.goesByPort(); s.fallsBack() }},
	{"fo", "", [3]int{1, 2, 3}, (*scheduled).failsOver},
	{"ovf", "", [3]int{1, 2, 3}, (*scheduled).flowsOver},
}

// Every scheduler of the kernel does what it is chosen for.
func TestPerchSchedulers(t *testing.T) {
	b := newBed(t)
	must(t, b.client.Do(func() error { return addAddresses(clients) }))
	var tables strings.Builder
	var all []*scheduled
	for i, row := range schedulers {
		s := &scheduled{name: strings.Trim(row.scheduler+"."+strings.ReplaceAll(row.options, ",", "."), "."), addresses: destinations[:2], port: uint16(9000 + i)}
		if row.scheduler == "dh" {
			s.addresses = destinations
		}
		all = append(all, s)
		tables.WriteString(s.table(b.webs, row.scheduler, row.options, row.weights))
	}
	unknown := &scheduled{name: "twos", addresses: destinations[:2], port: 9999} // to this kernel
	a := b.newAlone(tables.String() + unknown.table(b.webs, "twos", "", [3]int{1, 1, 1}))
	a.hold(destinations...)
	must(t, a.Start())
	eventually(t, "perch has all services in the kernel but one", func() bool { return a.lacksOnly(unknown.name, "module ip_vs_twos") })
	for i, s := range all {
		t.Run(s.name, func(t *testing.T) {
			own := *b
			own.t = t
			s.bed, s.alone, s.from = &own, a, uint16(20000+100*i)
			schedulers[i].shows(s)
		})
	}
}

// clients are addresses of the client, destinations those of a service.
var (
	clients      = addressesFrom("198.18.0.60", 8)
	destinations = addressesFrom("198.18.0.130", 8)
)

func addressesFrom(first string, many int) (list []netip.Addr) {
	for addr := netip.MustParseAddr(first); len(list) < many; addr = addr.Next() {
		list = append(list, addr)
	}
	return list
}

func addAddresses(list []netip.Addr) error {
	for _, addr := range list {
		if err := addAddress("eth0", single(addr)); err != nil {
			return err
		}
	}
	return nil
}

// lacksOnly says that all services are ready but one, of which it is said why it is not.
func (a *alone) lacksOnly(name, why string) bool {
	status, err := a.status()
	return err == nil && len(status.Services) > 0 && !slices.ContainsFunc(status.Services, func(s api.Service) bool {
		if s.Name == name {
			return !strings.Contains(s.Reason, why)
		}
		return s.State != api.ServiceReady
	})
}

// scheduled is a service, of which connections are opened one after the other.
type scheduled struct {
	*bed
	alone     *alone
	name      string
	addresses []netip.Addr
	port      uint16
	from      uint16 // the client's last port
	held      []*guest
}

// table is the service as the config of perch has it.
func (s *scheduled) table(webs [3]*web, scheduler, options string, weights [3]int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n[[service]]\nname = %q\nscheduler = %q\n", s.name, scheduler)
	if options != "" {
		fmt.Fprintf(&b, "options = [\"%s\"]\n", strings.ReplaceAll(options, ",", `", "`))
	}
	b.WriteString("address = [")
	for _, addr := range s.addresses {
		fmt.Fprintf(&b, "%q, ", netip.AddrPortFrom(addr, s.port))
	}
	b.WriteString("]\nserver = [")
	for i, w := range webs {
		fmt.Fprintf(&b, "{address = %q, weight = %d}, ", nat.realServer(w, ipv4), weights[i])
	}
	b.WriteString("]\n")
	return b.String()
}

// open opens a connection from an address of the client to the service, by a port that
// was not used before. Its error is the refusal of the director.
func (s *scheduled) open(from, to netip.Addr) (*guest, error) {
	s.t.Helper()
	s.from++
	g, err := s.dialFrom(netip.AddrPortFrom(from, s.from), netip.AddrPortFrom(to, s.port))
	if err == nil {
		must(s.t, g.talk())
	}
	return g, err
}

// server opens a connection and closes it, and returns the number of the server.
func (s *scheduled) server(from, to netip.Addr) int {
	s.t.Helper()
	g, err := s.open(from, to)
	must(s.t, err)
	must(s.t, g.conn.Close())
	return s.number(g)
}

// number is that of the server that a guest has: 0 to 2.
func (s *scheduled) number(g *guest) int {
	return slices.Index(s.webs[:], s.webNamed(g.host))
}

// home is the client's own address.
func (s *scheduled) home() netip.Addr { return addressOf(s.client, ipv4) }

// ask opens connections, of which the next one is opened when one was closed.
func (s *scheduled) ask(many int) (servers []int) {
	s.t.Helper()
	for range many {
		servers = append(servers, s.server(s.home(), s.addresses[0]))
	}
	return servers
}

// hold opens connections that stay until the row ends.
func (s *scheduled) hold(many int) (servers []int) {
	s.t.Helper()
	for range many {
		g, err := s.open(s.home(), s.addresses[0])
		must(s.t, err)
		s.held = append(s.held, g)
		servers = append(servers, s.number(g))
	}
	return servers
}

// leave closes the connections that a server has.
func (s *scheduled) leave(server int) {
	s.held = slices.DeleteFunc(s.held, func(g *guest) bool {
		if s.number(g) != server {
			return false
		}
		must(s.t, g.conn.Close())
		return true
	})
}

// weigh has perch give a server another weight.
func (s *scheduled) weigh(server, weight int) {
	s.t.Helper()
	address := nat.realServer(s.webs[server], ipv4).String()
	s.alone.weigh(s.name, address, uint32(weight))
	line := fmt.Sprintf("-a -t %s -r %s -m -w %d", netip.AddrPortFrom(s.addresses[0], s.port), address, weight)
	eventually(s.t, line, func() bool { return slices.Contains(s.alone.saved(), line) })
}

// counts wants so many of the connections to have been led to each server.
func (s *scheduled) counts(got []int, want ...int) {
	s.t.Helper()
	count := make([]int, len(want))
	for _, server := range got {
		count[server]++
	}
	if !slices.Equal(count, want) {
		s.t.Errorf("the servers got %v connections, want %v: %v", count, want, got)
	}
}

func distinct(servers []int) int {
	slices.Sort(servers)
	return len(slices.Compact(servers))
}

func (s *scheduled) takesTurns() {
	got := s.ask(6)
	if distinct(slices.Clone(got[:3])) != 3 || !slices.Equal(got[:3], got[3:]) {
		s.t.Errorf("servers %v, want each in its turn", got)
	}
}

// queuesNobody: who has nothing to do is asked first, however slow.
func (s *scheduled) queuesNobody() {
	first := s.hold(3)
	s.counts(first, 1, 1, 1)
	s.counts(append(first, s.hold(1)...), 1, 1, 2)
}

// overloads has more connections to one address than its server is for, and another server
// take the next one. Then the first has none any more.
func (s *scheduled) overloads(then func(s *scheduled, first, next int)) {
	got := s.hold(3)
	if got[0] != got[1] || got[0] == got[2] {
		s.t.Fatalf("servers %v, want that the third is another", got)
	}
	s.leave(got[0])
	then(s, got[0], got[2])
}

// staysMoved: the address has another server now.
func (s *scheduled) staysMoved(first, next int) {
	if got := s.server(s.home(), s.addresses[0]); got != next {
		s.t.Errorf("server %d after %d and %d", got, first, next)
	}
}

// comesBack: the address has both servers now, of which the idle one is better.
func (s *scheduled) comesBack(first, next int) {
	if got := s.server(s.home(), s.addresses[0]); got != first {
		s.t.Errorf("server %d after %d and %d", got, first, next)
	}
}

// goesByDestination: whoever asks, an address has its server.
func (s *scheduled) goesByDestination() {
	var servers []int
	for _, to := range s.addresses {
		got := s.server(s.home(), to)
		if other := s.server(clients[0], to); other != got {
			s.t.Errorf("%s is led to %d, and for another client to %d", to, got, other)
		}
		servers = append(servers, got)
	}
	if distinct(slices.Clone(servers)) == 1 {
		s.t.Errorf("all addresses are led to one server: %v", servers)
	}
}

// keepsClients: each client has its server, whatever its port.
func (s *scheduled) keepsClients() {
	var servers []int
	for _, from := range clients {
		got := s.server(from, s.addresses[0])
		if again := s.server(from, s.addresses[0]); again != got {
			s.t.Errorf("client %s is led to %d, and then to %d", from, got, again)
		}
		servers = append(servers, got)
	}
	if distinct(slices.Clone(servers)) == 1 {
		s.t.Errorf("all clients are led to one server: %v", servers)
	}
}

// goesByPort: each port of a client has its server, at every address of the service.
func (s *scheduled) goesByPort() {
	var servers []int
	for range 8 {
		got := s.server(s.home(), s.addresses[0])
		s.from-- // the same once more
		if other := s.server(s.home(), s.addresses[1]); other != got {
			s.t.Errorf("port %d is led to %d, and at another address to %d", s.from, got, other)
		}
		servers = append(servers, got)
	}
	if distinct(slices.Clone(servers)) == 1 {
		s.t.Errorf("all ports of a client are led to one server: %v", servers)
	}
}

// refusesWithoutWeight: a client whose server gets no new connections has none.
func (s *scheduled) refusesWithoutWeight() {
	got := s.server(s.home(), s.addresses[0])
	s.weigh(got, 0)
	if g, err := s.open(s.home(), s.addresses[0]); err == nil {
		s.t.Errorf("server %d has weight 0, and its client is led to %s", got, g.host)
	}
	s.weigh(got, 1)
	if again := s.server(s.home(), s.addresses[0]); again != got {
		s.t.Errorf("server %d is back, and its client is led to %d", got, again)
	}
}

// fallsBack: clients whose server gets no new connections have another.
func (s *scheduled) fallsBack() {
	got := s.server(s.home(), s.addresses[0])
	s.weigh(got, 0)
	for _, other := range s.ask(6) {
		if other == got {
			s.t.Errorf("a client is led to server %d, which has weight 0", got)
		}
	}
	s.weigh(got, 1)
}

// failsOver: one server has it all.
func (s *scheduled) failsOver() {
	s.counts(s.ask(4), 0, 0, 4)
	s.weigh(2, 0)
	s.counts(s.ask(4), 0, 4, 0)
	s.weigh(2, 3)
	s.counts(s.ask(2), 0, 0, 2)
}

// flowsOver: the best server has them until there are more than its weight, then the next.
func (s *scheduled) flowsOver() {
	if got := s.hold(9); !slices.Equal(got, []int{2, 2, 2, 2, 1, 1, 1, 0, 0}) {
		s.t.Errorf("servers %v", got)
	}
	if g, err := s.open(s.home(), s.addresses[0]); err == nil {
		s.t.Errorf("all servers are full, and %s has one more", g.host)
	}
}
