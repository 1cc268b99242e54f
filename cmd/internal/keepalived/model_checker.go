package keepalived

import (
	"net/netip"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// checker is a checker of a real server. Of its parts for single kinds only its own is set.
type checker struct {
	by   *syntax.Statement
	kind string // "HTTP_GET"
	schedule
	connection

	urls         []*httpURL
	virtualHost  said[string]
	httpProtocol said[string]
	sniName      said[string]

	hello said[string]
	hosts []*connection

	query, record said[string]

	script        said[program]
	scriptUser    said[string]
	scriptTimeout said[time.Duration]
	dynamic       said[bool]

	file       said[string] // the name of a track_file
	fileWeight said[weight] // not given for that of the file
	watch      *watch       // once all is read

	payload, reply said[string] // in hexadecimal, x for any digit
	minReply       said[int]
	maxReply       said[int]
}

// connection is where a checker connects to, and from where.
type connection struct {
	by         *syntax.Statement // of a host block
	ip, source said[netip.Addr]
	port       said[int]
	iface      said[string]
	mark       said[int]
	timeout    said[time.Duration]
}

// within returns the connection of a block that stands in another one.
func (c connection) within(outer connection) connection {
	return connection{
		c.by, c.ip.or(outer.ip), c.source.or(outer.source), c.port.or(outer.port), c.iface.or(outer.iface), c.mark.or(outer.mark),
		c.timeout.or(outer.timeout),
	}
}

// httpURL is a url of an HTTP_GET.
type httpURL struct {
	by          *syntax.Statement
	path        said[string]
	digest      said[string]
	status      []said[string] // "200", "200-299"
	virtualHost said[string]
	regex       said[string]
	flags       said[string] // of the regex: "i", "m", "s" and "U"
	mismatch    said[bool]
	from, to    said[int] // offsets that a match may begin at
}
