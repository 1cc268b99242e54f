package ipvs

import (
	"errors"
	"fmt"
	"os"
	"slices"

	lvs "github.com/cloudflare/ipvs"
)

// linux is the kernel of the network namespace that it was opened in. Its methods may be
// called by several goroutines at once.
type linux struct {
	library lvs.Client // reads all but engines
	socket  *socket    // writes all but timeouts
}

// openKernel returns the IPVS of this network namespace, whose module the kernel loads
// now if it is not there yet and can be.
func openKernel() (kernel, error) {
	socket, err := openSocket()
	if err != nil {
		return nil, fmt.Errorf("open IPVS: %w", err)
	}
	library, err := lvs.New()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open IPVS: %w", err), socket.close())
	}
	return &linux{library: library, socket: socket}, nil
}

func (l *linux) close() error {
	err := l.socket.close()
	if closer, ok := l.library.(interface{ Close() error }); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}

func (l *linux) survey() ([]Service, error) {
	table, err := l.table()
	if err != nil {
		return nil, err
	}
	engines, err := l.engines(table)
	if err != nil {
		return nil, err
	}
	services := make([]Service, len(table))
	for i, e := range table {
		key, balancing := fromService(e.Service)
		balancing.Persistence.Engine = engines[key]
		servers := make([]Server, len(e.servers))
		for i, server := range e.servers {
			servers[i] = fromServer(server.Destination)
		}
		slices.SortFunc(servers, compareServers)
		services[i] = Service{Key: key, Balancing: balancing, Servers: servers}
	}
	slices.SortFunc(services, func(a, b Service) int { return a.Key.Compare(b.Key) })
	return services, nil
}

// engines asks only if there may be one, which needs a service that persists.
func (l *linux) engines(table []entry) (map[Key]string, error) {
	if !slices.ContainsFunc(table, func(e entry) bool { return e.Flags&lvs.ServicePersistent != 0 }) {
		return nil, nil
	}
	return engines(l.socket)
}

func (l *linux) counters() ([]Counted, error) {
	table, err := l.table()
	if err != nil {
		return nil, err
	}
	counted := make([]Counted, len(table))
	for i, e := range table {
		counted[i].Key, _ = fromService(e.Service)
		counted[i].Counters = fromStats(e.Stats, e.Stats64)
		counted[i].Servers = countedServers(e.servers)
	}
	slices.SortFunc(counted, func(a, b Counted) int { return a.Key.Compare(b.Key) })
	return counted, nil
}

func countedServers(servers []lvs.DestinationExtended) []CountedServer {
	counted := make([]CountedServer, len(servers))
	for i, s := range servers {
		counted[i] = CountedServer{
			Server:     fromServer(s.Destination),
			Counters:   fromStats(s.Stats, s.Stats64),
			Active:     s.ActiveConnections,
			Inactive:   s.InactiveConnections,
			Persistent: s.PersistentConnections,
		}
	}
	slices.SortFunc(counted, func(a, b CountedServer) int { return compareServers(a.Server, b.Server) })
	return counted
}

func compareServers(a, b Server) int { return a.Address.Compare(b.Address) }

// entry is a service of the kernel's table.
type entry struct {
	lvs.ServiceExtended
	servers []lvs.DestinationExtended
}

// table returns all services with their servers, in any order.
func (l *linux) table() ([]entry, error) {
	services, err := l.library.Services()
	if err = orNone(err); err != nil {
		return nil, fmt.Errorf("list the kernel's services: %w", err)
	}
	table := make([]entry, len(services))
	for i, service := range services {
		servers, err := l.library.Destinations(service.Service)
		if err = orNone(err); err != nil {
			key, _ := fromService(service.Service)
			return nil, fmt.Errorf("list the kernel's servers of %s: %w", key, err)
		}
		table[i] = entry{ServiceExtended: service, servers: servers}
	}
	return table, nil
}

// orNone forgives the library for taking an empty list for an error.
func orNone(err error) error {
	if err == os.ErrNotExist {
		return nil
	}
	return err
}

func (l *linux) timeouts() (Timeouts, error) {
	c, err := l.library.Config()
	if err != nil {
		return Timeouts{}, fmt.Errorf("ask the kernel for the timeouts of IPVS: %w", err)
	}
	return Timeouts{TCP: c.TCPTimeout, TCPFin: c.TCPFinTimeout, UDP: c.UDPTimeout}, nil
}

func (l *linux) setTimeouts(t Timeouts) error {
	err := l.library.SetConfig(lvs.Config{TCPTimeout: t.TCP, TCPFinTimeout: t.TCPFin, UDPTimeout: t.UDP})
	if err != nil {
		return fmt.Errorf("set the kernel's timeouts of IPVS to %+v: %w", t, err)
	}
	return nil
}

func (l *linux) carryOut(steps []step) []error {
	requests := make([]request, 0, len(steps))
	errs := make([]error, len(steps))
	sent := make([]int, 0, len(steps))
	for i, s := range steps {
		r, err := encodeStep(s)
		if err != nil {
			errs[i] = explain(s, err)
			continue
		}
		requests = append(requests, r)
		sent = append(sent, i)
	}
	for n, err := range l.socket.send(requests) {
		errs[sent[n]] = explain(steps[sent[n]], err)
	}
	return errs
}
