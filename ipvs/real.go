package ipvs

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sort"

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
		e.Persistence.Engine = engines[e.Key]
		services[i] = Service{Key: e.Key, Balancing: e.Balancing, Servers: make([]Server, len(e.servers))}
		for j, s := range e.servers {
			services[i].Servers[j] = fromServer(s.Destination)
		}
	}
	return services, nil
}

// engines asks only if there may be one, which needs a service that persists.
func (l *linux) engines(table []entry) (map[Key]string, error) {
	for _, e := range table {
		if e.Persistence != (Persistence{}) {
			return engines(l.socket)
		}
	}
	return nil, nil
}

// counters returns what the kernel has counted, which it brings up to date every 2 s, but
// for the connections there are now.
func (l *linux) counters() ([]Counted, error) {
	table, err := l.table()
	if err != nil {
		return nil, err
	}
	counted := make([]Counted, len(table))
	for i, e := range table {
		counted[i] = Counted{
			Key:      e.Key,
			Counters: fromStats(e.stats.Stats, e.stats.Stats64),
			Servers:  make([]CountedServer, len(e.servers)),
		}
		for j, s := range e.servers {
			counted[i].Servers[j] = CountedServer{
				Server:     fromServer(s.Destination),
				Counters:   fromStats(s.Stats, s.Stats64),
				Active:     s.ActiveConnections,
				Inactive:   s.InactiveConnections,
				Persistent: s.PersistentConnections,
			}
		}
	}
	return counted, nil
}

// entry is a service of the kernel's table.
type entry struct {
	Key
	Balancing // but for the engine
	stats     lvs.ServiceExtended
	servers   []lvs.DestinationExtended // sorted by address
}

// table returns all services with their servers, sorted by key, each once: what comes while
// the kernel lists them has it list another one again, as it counts how far it has come. It
// sorts by package sort, as package slices makes the binary larger for each of these large
// types.
func (l *linux) table() (_ []entry, err error) {
	defer garbled(&err)
	services, err := l.library.Services()
	if err = orNone(err); err != nil {
		return nil, fmt.Errorf("list the kernel's services: %w", err)
	}
	table := make([]entry, len(services))
	for i, service := range services {
		key, balancing := fromService(service.Service)
		servers, err := l.library.Destinations(service.Service)
		if err = orNone(err); err != nil {
			return nil, fmt.Errorf("list the kernel's servers of %s: %w", key, err)
		}
		sort.Slice(servers, func(i, j int) bool { return serverAddress(servers[i]).Compare(serverAddress(servers[j])) < 0 })
		servers = slices.CompactFunc(servers, func(a, b lvs.DestinationExtended) bool { return serverAddress(a) == serverAddress(b) })
		table[i] = entry{Key: key, Balancing: balancing, stats: service, servers: servers}
	}
	sort.Slice(table, func(i, j int) bool { return table[i].Key.Compare(table[j].Key) < 0 })
	return slices.CompactFunc(table, func(a, b entry) bool { return a.Key == b.Key }), nil
}

// garbled makes an error of a panic of the library, which has each answer of the kernel for
// as long as it should be. The daemon goes on without IPVS.
func garbled(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("list the kernel's services: its answer is garbled: %v", r)
	}
}

func serverAddress(d lvs.DestinationExtended) netip.AddrPort {
	return netip.AddrPortFrom(d.Address, d.Port)
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
	requests := make([]request, len(steps))
	for i, s := range steps {
		requests[i] = encodeStep(s)
	}
	errs := l.socket.send(requests)
	for i, err := range errs {
		errs[i] = explain(steps[i], err)
	}
	return errs
}
