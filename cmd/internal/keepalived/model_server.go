package keepalived

import (
	"net/netip"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// virtualServer is a virtual_server.
type virtualServer struct {
	by      *syntax.Statement
	address netip.AddrPort // port 0 for all ports; not valid with a mark or a group
	mark    int
	group   string

	family      said[string] // of a mark: "inet" or "inet6"
	protocol    said[string]
	scheduler   said[string]
	options     []said[string]
	persistence said[time.Duration]
	granularity said[granularity]
	engine      said[string]

	schedule
	method      said[method]
	weight      said[int]
	inhibit     said[bool]
	virtualHost said[string]
	name        said[string]

	quorum, hysteresis   said[int]
	quorumUp, quorumDown said[program]
	omega                said[bool]
	whileHeld            said[bool]
	sorry                said[netip.AddrPort]
	sorryMethod          said[method]
	alert                said[bool] // whether mails of its quorum are sent
	servers              []*realServer

	entries []entry // what clients come to, once all is read
}

// granularity is how many bits of a client's address count.
type granularity struct {
	bits int
	ipv6 bool
}

// method is how packets get to a real server.
type method struct {
	forward string // "nat", "dr" or "tunnel"
	tunnel  tunnel // zero for another one
}

type tunnel struct {
	kind     string // "ipip", "gue" or "gre"
	port     int
	checksum string // "none", "checksum" or "remote"
}

// program is a script, and who runs it.
type program struct {
	argv []string
	user string // "" for who runs all scripts
}

// realServer is a real_server.
type realServer struct {
	by      *syntax.Statement
	address netip.AddrPort // port 0 for that of the virtual server
	schedule
	method               said[method]
	weight               said[int]
	inhibit              said[bool]
	virtualHost          said[string]
	upper, lower         said[int]
	notifyUp, notifyDown said[program]
	alert                said[bool] // whether mails are sent
	checkers             []*checker
}

// addressGroup is a virtual_server_group.
type addressGroup struct {
	by      *syntax.Statement
	name    string
	entries []groupEntry
	used    bool
}

// groupEntry is a line of a virtual_server_group: addresses with one port, or a mark.
type groupEntry struct {
	by          *syntax.Statement
	first, last netip.Addr
	port        uint16
	mark        int
	family      string // of a mark: "inet", "inet6" or "" for that of the servers
}

// schedule is when a checker looks, and whether its server begins without traffic. What is
// not said is as in the block around.
type schedule struct {
	delayLoop      said[time.Duration]
	beforeRetry    said[time.Duration]
	connectTimeout said[time.Duration]
	warmup         said[time.Duration]
	retry          said[int]
	alpha          said[bool]
}

// within returns the schedule of a block that stands in another one.
func (s schedule) within(outer schedule) schedule {
	return schedule{
		s.delayLoop.or(outer.delayLoop),
		s.beforeRetry.or(outer.beforeRetry),
		s.connectTimeout.or(outer.connectTimeout),
		s.warmup.or(outer.warmup),
		s.retry.or(outer.retry),
		s.alpha.or(outer.alpha),
	}
}

// ipvs is what global_defs says of the kernel's load balancer.
type ipvs struct {
	flush            said[bool]
	atEnd            said[string]
	tcp, tcpFin, udp said[time.Duration]
	sync             said[syncDaemon]
}

// syncDaemon is what tells another director of connections. What is not said is 0.
type syncDaemon struct {
	iface    string
	instance string // whose virtual_router_id is an ID that is not said
	id       said[int]
	maxLen   int
	port     int
	ttl      int
	group    netip.Addr
}

// clientTLS is what SSL says: what checkers show to servers that ask who they are.
type clientTLS struct{ cert, key said[string] }
