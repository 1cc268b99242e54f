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
	FastInterval time.Duration // at most Interval
	Timeout      time.Duration
	Warmup       time.Duration
	Rise, Fall   int  // 1 at least
	Weight       int  // -253 to 253; 0 is a fault; of Config.ServerChecks see RealServer
	Reverse      bool // count as failed while it is well, and the other way round; likewise

	Network CheckNetwork
	TLS     CheckTLS
	Payload CheckPayload
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

// CheckPayload is for kinds "tcp" and "udp": what is sent, and what must come.
type CheckPayload struct {
	Send   []byte
	Answer bool // of "udp" only: some answer must come
	Expect CheckPattern
	// MaxAnswer is, of "udp" only, how many bytes an answer may have; nil for any number.
	MaxAnswer *int
}

// CheckPattern describes bytes that must come: either a text that is in them, or what they
// begin with. It is zero for none.
type CheckPattern struct {
	Contains string
	Bytes    []byte
	Mask     []byte // as long as Bytes; its bits are those that count
}

// CheckHTTP is for kind "http".
type CheckHTTP struct {
	Connect  string
	Host     string
	Protocol string // "" for what TLS negotiates, "http/1.1" or "h2"
	Method   string
	Headers  []string // "Name: value"
	Body     string
	Redirect bool
	// Answer is what each of Requests must be answered with, unless it says otherwise.
	// It is in them already.
	Answer   CheckRequest
	Requests []CheckRequest // one at least
}

// CheckRequest is one URL of an HTTP check, and what its answer must be.
type CheckRequest struct {
	URL       string       // relative to the target; "" for the target itself
	Status    []CheckRange // one at least
	Contains  string
	Matches   string
	Mismatch  string
	Digest    string // "md5:" or "sha256:" and lower-case digits
	JSONPath  string
	JSONValue string
}

// CheckRange is the numbers from From to To.
type CheckRange struct{ From, To int }

// CheckDNS is for kind "dns".
type CheckDNS struct {
	Query   string // "" for the root
	Type    string // such as "SOA"
	Answers []string
	RCode   string // such as "NOERROR"
	TCP     bool   // else UDP
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
	Quorum  int // 0 if there may be none
	// QuorumMax is how many there may be at most; nil for any number.
	QuorumMax *int
}

// CheckFile is for kind "file".
type CheckFile struct {
	Absent bool
	MaxAge time.Duration
	Number bool
	// Missing is the number while there is no file; nil if it has failed then.
	Missing *int
}
