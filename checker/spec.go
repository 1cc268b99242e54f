package checker

import (
	"net/netip"
	"time"
)

// Spec describes a check. What is zero is left to the kind, unless it says otherwise.
// Only the part of its own kind, Network and TLS count.
type Spec struct {
	Kind string
	// Target is what is looked at: "host:port" (tcp, udp, smtp, grpc, tls), a URL (http),
	// a host (icmp), "host" or "host:port" of a server (dns), an address (gateway), the
	// name of an interface, a file (absolute), a unit or a process, or a neighbor as the
	// BGP daemon calls it, "" for any (bgp). A host is an address or a name. Unused by
	// script.
	Target  string
	Network Network
	TLS     TLS

	TCP     TCP
	UDP     UDP
	HTTP    HTTP
	DNS     DNS
	SMTP    SMTP
	GRPC    GRPC
	Script  Script
	Process Process
	File    File
}

// Network says how packets of a check leave this machine.
type Network struct {
	Source    netip.Addr // not valid for any
	Interface string     // "" for any; also that of a VRF
	Mark      uint32     // of the socket; 0 for none
}

// TLS says how a check speaks TLS, where it does: https, tls, and others with Enabled.
type TLS struct {
	Enabled    bool
	ServerName string // for SNI and the certificate; "" for the target's host, or HTTP.Host
	CAFile     string // PEM; "" for those of the system
	CertFile   string // PEM, of the client; with KeyFile
	KeyFile    string
	Insecure   bool // verify nothing
	// ExpiryWarning and ExpiryLimit are for how long the certificate must be valid still,
	// else there is a warning, or a failure. 0 for none. An expired one is a failure,
	// unless Insecure.
	ExpiryWarning time.Duration
	ExpiryLimit   time.Duration
}

// TCP is for kind "tcp": what is sent once connected, and what must come then.
type TCP struct {
	Send   []byte
	Expect Pattern
}

// UDP is for kind "udp". Without an answer that must come, only an ICMP error that comes
// within half of the timeout is a failure.
type UDP struct {
	Send   []byte
	Answer bool // some answer must come
	Expect Pattern
	// MaxAnswer is how many bytes an answer may have; nil for any number.
	MaxAnswer *int
}

// Pattern describes bytes that must come: a text that is in them, or bytes that they
// begin with, of which only the bits of Mask count. The zero value is none.
type Pattern struct {
	Contains string
	Bytes    []byte
	Mask     []byte // as long as Bytes
}

// HTTP is for kind "http", by whose Target a look goes over http or https.
type HTTP struct {
	Connect  string    // "host:port" to connect to instead of the URL's
	Host     string    // of the Host header; "" for the URL's
	Protocol string    // "" for what TLS negotiates, "http/1.1", or "h2", over TLS or not
	Method   string    // "" for GET
	Headers  []string  // "Name: value"
	Body     string    // of the request
	Redirect bool      // follow redirects, at most 10
	Requests []Request // all must pass; none is one for the target itself
}

// Request is one URL of an HTTP check and what its answer must be.
type Request struct {
	URL       string  // relative to the target's
	Status    []Range // the code must be in one of them; none for 200-299
	Contains  string  // the body; "" for anything
	Matches   string  // a regular expression for the body; "" for anything
	Mismatch  string  // one that must not match; "" for none
	Digest    string  // "md5:HEX" or "sha256:HEX" of the body; "" for any
	JSONPath  string  // such as "components.db[0].status"; "" for none
	JSONValue string  // what is there; "" for anything but null and false
}

// Range is the numbers from From to To, both included.
type Range struct{ From, To int }

// DNS is for kind "dns".
type DNS struct {
	Query   string   // a name; "" for the root
	Type    string   // such as "AAAA"; "" for SOA
	Answers []string // all must be among those that come, in any order
	RCode   string   // such as "NXDOMAIN"; "" for NOERROR
	TCP     bool     // else UDP
}

// SMTP is for kind "smtp".
type SMTP struct {
	Hello    string // the name for HELO; "" for this machine's
	StartTLS bool
}

// GRPC is for kind "grpc": grpc.health.v1.
type GRPC struct {
	Service string // "" for the server as a whole
}

// Script is for kind "script". Its environment is PATH and a marker, PERCH_CHECK, by which
// all that it starts is found and killed as it ends.
type Script struct {
	Argv []string // the first one absolute
	User string   // "" for the daemon's own
	// Weighted gives exit codes 2 to 255 the meaning of a weight, code - 2; 0 is as before
	// and 1 a failure. Else any but 0 is a failure.
	Weighted bool
}

// Process is for kind "process": processes by exactly one of the Target, which is their
// name (comm, or the base name of argv[0]), PIDFile or Command.
type Process struct {
	PIDFile string
	Command string // the command line has this text in it
	Quorum  int    // so many at least; 0 for one, unless there may be none
	// QuorumMax is how many there may be at most; nil for any number.
	QuorumMax *int
}

// File is for kind "file".
type File struct {
	Absent bool          // it must not be there; else it must
	MaxAge time.Duration // since it was last written; 0 for any
	Number bool          // its content is a number, the check's value
	// Missing is the number while there is no file; nil for a failure.
	Missing *int
}
