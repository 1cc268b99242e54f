package ipvs

// kernel is the IPVS of this network namespace.
type kernel interface {
	// survey returns all services with their servers, sorted by key and address,
	// each once.
	survey() ([]Service, error)
	// carryOut takes steps in their order, and goes on after one that failed. It returns
	// what became of each: nil for done. A server that is there already is added, and what is
	// not there is removed; a service that is there already is errMadeByOthers, and what has
	// no answer, and may be done, errUnanswered.
	carryOut(steps []step) []error
	// setTimeouts sets what is not 0, in seconds.
	setTimeouts(Timeouts) error
	timeouts() (Timeouts, error)
	// counters returns what the kernel has counted of all services.
	counters() ([]Counted, error)
	close() error
}

// Timeouts are for how long the kernel remembers a connection in which nothing moves, in s.
type Timeouts struct{ TCP, TCPFin, UDP uint32 }

// verb is what a step does.
type verb uint8

const (
	addService verb = iota
	editService
	removeService
	addServer
	editServer
	removeServer
)

// step is one change of the kernel's table.
type step struct {
	verb
	Key
	Balancing // of addService and editService
	Server    // of the last three; removeServer goes by its address
}

// Counters are what the kernel has counted of a service or a server, and how fast it did
// so in the last seconds.
type Counters struct {
	Connections          uint64
	PacketsIn, BytesIn   uint64
	PacketsOut, BytesOut uint64 // 0 for all but NAT

	ConnectionRate             uint64 // a second, as all rates
	PacketRateIn, ByteRateIn   uint64
	PacketRateOut, ByteRateOut uint64
}

// Counted is what the kernel has counted of a service and its servers.
type Counted struct {
	Key
	Counters
	Servers []CountedServer // sorted by address
}

// CountedServer is what the kernel has counted of a server.
type CountedServer struct {
	Server
	Counters
	Active, Inactive, Persistent uint32 // connections now
}
