package ipvs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	lvs "github.com/cloudflare/ipvs"
	"golang.org/x/sys/unix"
)

// A kernel without IPVS is told from one that cannot be asked.
func TestOpenKernel(t *testing.T) {
	t.Parallel()
	k, err := openKernel()
	if errors.Is(err, errNoIPVS) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := k.close(); err != nil {
		t.Error(err)
	}
}

// library answers what the library would.
type library struct {
	lvs.Client
	services []lvs.ServiceExtended
	servers  func(lvs.Service) ([]lvs.DestinationExtended, error)
}

func (l library) Services() ([]lvs.ServiceExtended, error) { return l.services, nil }

func (l library) Destinations(s lvs.Service) ([]lvs.DestinationExtended, error) { return l.servers(s) }

// listed is a library that lists services, and their servers, in this order.
func listed(services ...Service) library {
	servers := make(map[lvs.Service][]lvs.DestinationExtended)
	var l library
	for _, s := range services {
		key := toService(s.Key, s.Balancing)
		l.services = append(l.services, lvs.ServiceExtended{Service: key})
		servers[key] = nil
		for _, server := range s.Servers {
			servers[key] = append(servers[key], lvs.DestinationExtended{Destination: toServer(server)})
		}
	}
	l.servers = func(s lvs.Service) ([]lvs.DestinationExtended, error) { return slices.Clone(servers[s]), nil }
	return l
}

// The kernel lists what it has listed again, if others come meanwhile. A table with it
// twice would have the second one removed, as nobody wants two.
func TestWhatIsListedTwice(t *testing.T) {
	t.Parallel()
	one, two := web(1, 1, 2), web(2, 1)
	one.Servers = append(one.Servers, one.Servers...)
	l := &linux{library: listed(two, one, two, one)}
	want := []Service{web(1, 1, 2), web(2, 1)}
	if got, err := l.survey(); err != nil || !slices.EqualFunc(got, want, Service.equal) {
		t.Errorf("survey %v, %v, want %v", got, err, want)
	}
	counted, err := l.counters()
	if err != nil || len(counted) != 2 || len(counted[0].Servers) != 2 || len(counted[1].Servers) != 1 {
		t.Errorf("counters %v, %v, want each once", counted, err)
	}
}

// The library panics at an address that is too short.
func TestGarbledAnswer(t *testing.T) {
	t.Parallel()
	l := &linux{library: library{
		services: listed(web(1)).services,
		servers: func(lvs.Service) ([]lvs.DestinationExtended, error) {
			var short []byte
			return nil, fmt.Errorf("address %v", short[0:4])
		},
	}}
	if _, err := l.survey(); err == nil || !strings.Contains(err.Error(), "garbled") {
		t.Errorf("survey: %v, want an error", err)
	}
	if _, err := l.counters(); err == nil {
		t.Error("counters: no error")
	}
}

// The library has an empty list for an error.
func TestNothingIsListed(t *testing.T) {
	t.Parallel()
	nothing := func(lvs.Service) ([]lvs.DestinationExtended, error) { return nil, os.ErrNotExist }
	l := &linux{library: library{services: listed(web(1)).services, servers: nothing}}
	if got, err := l.survey(); err != nil || len(got) != 1 || !got[0].equal(web(1)) {
		t.Errorf("survey %v, %v, want a service without servers", got, err)
	}
	refused := func(lvs.Service) ([]lvs.DestinationExtended, error) { return nil, unix.ENOENT }
	l.library = library{services: listed(web(1)).services, servers: refused}
	if got, err := l.survey(); !errors.Is(err, unix.ENOENT) {
		t.Errorf("survey %v, %v, want %v", got, err, unix.ENOENT)
	}
}

// What is told of a service and of a server are the kernel's counters of 64 bits, each in
// its place.
func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	narrow, wide := lvs.Stats{Connections: 1}, lvs.Stats{
		Connections: 1 << 40, IncomingPackets: 2 << 40, OutgoingPackets: 3 << 40, IncomingBytes: 4 << 40, OutgoingBytes: 5 << 40,
		ConnectionRate: 6 << 40, IncomingPacketRate: 7 << 40, OutgoingPacketRate: 8 << 40, IncomingByteRate: 9 << 40, OutgoingByteRate: 10 << 40,
	}
	want := Counters{
		Connections: 1 << 40, PacketsIn: 2 << 40, PacketsOut: 3 << 40, BytesIn: 4 << 40, BytesOut: 5 << 40,
		ConnectionRate: 6 << 40, PacketRateIn: 7 << 40, PacketRateOut: 8 << 40, ByteRateIn: 9 << 40, ByteRateOut: 10 << 40,
	}
	told := listed(web(1, 1))
	told.services[0].Stats, told.services[0].Stats64 = narrow, wide
	server := lvs.DestinationExtended{
		Destination: toServer(web(1, 1).Servers[0]), Stats: narrow, Stats64: wide,
		ActiveConnections: 11, InactiveConnections: 12, PersistentConnections: 13,
	}
	told.servers = func(lvs.Service) ([]lvs.DestinationExtended, error) { return []lvs.DestinationExtended{server}, nil }
	counted, err := (&linux{library: told}).counters()
	if err != nil || len(counted) != 1 || len(counted[0].Servers) != 1 {
		t.Fatalf("counters %+v, %v", counted, err)
	}
	if got := counted[0].Counters; got != want {
		t.Errorf("service %+v, want %+v", got, want)
	}
	got := counted[0].Servers[0]
	if got.Counters != want || got.Active != 11 || got.Inactive != 12 || got.Persistent != 13 {
		t.Errorf("server %+v, want %+v", got, want)
	}
}
