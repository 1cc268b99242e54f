package config

import (
	"net/netip"
	"time"
)

// Check is one [[check]]. Of the parts for single kinds only its own is set, and what is
// set there fits the kind. The parts are like those of package checker.
type Check struct {
	Name         string
	Kind         string
	Target       string
	Interval     time.Duration
	FastInterval time.Duration
	Timeout      time.Duration
	Warmup       time.Duration
	Rise, Fall   int
	Weight       int  // -253 to 253; 0 is a fault
	Reverse      bool // count as failed while it is well, and the other way round

	Network CheckNetwork
	TLS     CheckTLS
	TCP     CheckTCP
	UDP     CheckUDP
	HTTP    CheckHTTP
	DNS     CheckDNS
	SMTP    CheckSMTP
	GRPC    CheckGRPC
	Script  CheckScript
	Process CheckProcess
	File    CheckFile
}

// Track is a reference to a check.
type Track struct {
	Check   string
	Weight  int  // as that of the check, unless given
	Reverse bool // likewise
}

// CheckNetwork says how packets of a check leave this machine.
type CheckNetwork struct {
	Source    netip.Addr
	Interface string
	Mark      uint32
}

// CheckTLS says how a check speaks TLS.
type CheckTLS struct {
	Enabled       bool
	ServerName    string
	CAFile        string
	CertFile      string
	KeyFile       string
	Insecure      bool
	ExpiryWarning time.Duration
	ExpiryLimit   time.Duration
}

// CheckTCP is for kind "tcp".
type CheckTCP struct {
	Send   []byte
	Expect CheckPattern
}

// CheckUDP is for kind "udp".
type CheckUDP struct {
	Send   []byte
	Answer bool
	Expect CheckPattern
}

// CheckPattern describes bytes that must come.
type CheckPattern struct {
	Contains string
	Bytes    []byte
	Mask     []byte
}

// CheckHTTP is for kind "http".
type CheckHTTP struct {
	Connect  string
	Host     string
	Protocol string
	Method   string
	Headers  []string
	Body     string
	Redirect bool
	Requests []CheckRequest
}

// CheckRequest is one URL of an HTTP check.
type CheckRequest struct {
	URL       string
	Status    []CheckRange
	Contains  string
	Matches   string
	Mismatch  string
	Digest    string
	JSONPath  string
	JSONValue string
}

// CheckRange is the numbers from From to To.
type CheckRange struct{ From, To int }

// CheckDNS is for kind "dns".
type CheckDNS struct {
	Query   string
	Type    string
	Answers []string
	RCode   string
	TCP     bool
}

// CheckSMTP is for kind "smtp".
type CheckSMTP struct {
	Hello    string
	StartTLS bool
}

// CheckGRPC is for kind "grpc".
type CheckGRPC struct {
	Service string
}

// CheckScript is for kind "script".
type CheckScript struct {
	Argv     []string
	User     string
	Weighted bool
}

// CheckProcess is for kind "process".
type CheckProcess struct {
	PIDFile string
	Command string
	Quorum  int
}

// CheckFile is for kind "file".
type CheckFile struct {
	Absent bool
	MaxAge time.Duration
	Number bool
}
