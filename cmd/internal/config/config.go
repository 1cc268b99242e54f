package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"time"
)

// MaxSize bounds what is read, in bytes. A config of 5,000 VIPs needs a fortieth of it, one of
// 65,000 virtual routers half.
const MaxSize = 16 << 20

// Config is a valid perch.toml. Lists are in the order of the file.
type Config struct {
	Node       Node
	Cluster    *Cluster // nil if there is none: then there is something else to run
	VIPs       []VIP    // of the cluster; none without one
	BGP        *BGP     // nil if nothing is announced by BGP
	VRRP       []VirtualRouter
	SyncGroups []SyncGroup
	Static     Static
	Checks     []Check
	IPVS       IPVS
	Services   []Service
	// ServerChecks are those of real servers: what several of them would look at in the
	// same way is there once. Their names, such as "10.0.0.11:80 http /healthz", say what
	// they look at, and are none that a Check may have. They never count for this node.
	ServerChecks []Check
	Notify       []Notify
	Clock        *Clock // nil if nobody is to follow the leader's time
}

// Node is this machine's part of the config.
type Node struct {
	Name      string
	DataDir   string         // absolute
	Socket    string         // absolute, short enough for a unix socket
	Listen    netip.AddrPort // for the dashboard and metrics; the zero value is off
	LogLevel  slog.Level
	LogFormat string // "text" or "json"
	Fence     string // without a cluster: see Config.Fence
	// ListenNames are further names by which browsers may ask at Listen.
	ListenNames []string
	// NetNamespace is the name of the network namespace that the daemon runs in; "" for
	// that in which it is started.
	NetNamespace string
	// StartProgram is run before anything is held, StopProgram when nothing is any more, each
	// an argv; none for no program.
	StartProgram, StopProgram []string
	StartTimeout, StopTimeout time.Duration
	ProgramUser               string // who runs both; "" for the daemon's own
	// LogUnknownVRIDs has adverts be told of that are heard where this node has virtual
	// routers, but none of their VRID.
	LogUnknownVRIDs bool
}

// Cluster is the raft group. Exactly one of SecretFile, the three TLS paths
// and Insecure is set.
type Cluster struct {
	Name       string
	SecretFile string
	TLSCA      string
	TLSCert    string
	TLSKey     string
	Insecure   bool
	Heartbeat  time.Duration // the heartbeat timeout, whether set by failover or by itself
	Fence      string        // "auto", "bpf", "nftables", "lifetime" or "off"
	Preempt    bool          // the VIPs go back to a better node
	// PreemptDelay is for how long that node must have been able to take them.
	PreemptDelay time.Duration
	// WhenUnhealthy is what the owner does when no node is healthy: "keep" or "release".
	WhenUnhealthy string
	AnnounceRate  int     // frames a second on an interface at most, 0 for no limit
	Track         []Track // what counts for the cluster: each check, unless given
	Peers         []Peer  // in the order of the file, this node among them
}

// Peer is one member of the cluster.
type Peer struct {
	Name     string
	Address  netip.AddrPort
	Priority int // 1 to 254, the highest is preferred
	Witness  bool
}

// VIP is one virtual address with its prefix length, or a range, and the interface that
// carries it.
type VIP struct {
	Address   netip.Prefix
	Interface string
	Prefix    bool // Address is masked, and all of it is held
}

// Has tells whether the address is the VIP's, or one of its range.
func (v VIP) Has(a netip.Addr) bool {
	return v.Address.Addr() == a || v.Prefix && v.Address.Contains(a)
}

// Fence returns what keeps this node's kernel from answering beyond its leases:
// "auto", "bpf", "nftables", "lifetime" or "off".
func (c *Config) Fence() string {
	if c.Cluster != nil {
		return c.Cluster.Fence
	}
	return c.Node.Fence
}

// Peer returns the member of that name.
func (c *Cluster) Peer(name string) (Peer, bool) {
	for _, p := range c.Peers {
		if p.Name == name {
			return p, true
		}
	}
	return Peer{}, false
}

// Load reads and validates the file. The error is a Mistakes when the file is
// wrong, in file order and complete, or wraps an *fs.PathError when it cannot be read.
// Warnings come with or without mistakes.
func Load(path string) (*Config, []Warning, error) {
	f, err := OpenFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; `perch init` writes one, and -c names another", err)
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, nil, err
	}
	// Without a host name the file has to set node.name, and Parse says so.
	hostname, _ := os.Hostname()
	return Parse(path, data, hostname)
}

// byteOrderMark is what some editors put before UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// Parse validates the text of a config. The path only names the file in
// mistakes; hostname is the default of node.name. The error is a Mistakes.
func Parse(path string, data []byte, hostname string) (*Config, []Warning, error) {
	r := &report{file: path}
	if len(data) > MaxSize {
		r.add(position{1, 1}, "the file is larger than 16 MiB; must be a perch.toml")
		return nil, nil, r.err()
	}
	root, ok := parseTree(r, bytes.TrimPrefix(data, byteOrderMark))
	if !ok {
		return nil, nil, r.err()
	}
	d := &draft{Config: Config{Node: defaultNode(), IPVS: defaultIPVS()}}
	decode(r, root, configKeys(d))
	if root.child("node").child("name") == nil {
		d.Node.Name = hostname
	}
	settle(root, d)
	validate(r, root, d)
	warn(r, root, d)
	if err := r.err(); err != nil {
		return nil, r.sortedWarnings(), err
	}
	assign(&d.Config)
	return &d.Config, r.sortedWarnings(), nil
}
