package config

import (
	"fmt"
	"net/netip"
	"time"
)

// VirtualRouter is one virtual router (RFC 9568) that this node is to run.
type VirtualRouter struct {
	Name           string
	Interface      string // where its adverts go
	VRID           int    // 1 to 255
	Version        int    // 2 or 3
	Priority       int    // 1 to 255; 255 owns the addresses
	AdvertInterval time.Duration
	Addresses      []Address // of one family, the router's, in the order of its adverts; may be none
	Family         string    // "ipv4" or "ipv6" where Addresses are none; "" for what IPv6 finds
	// ExcludedAddresses are held like the others, but are not in the adverts.
	ExcludedAddresses []Address
	Preempt           bool
	PreemptDelay      time.Duration // 0 for none
	StartDelay        time.Duration // 0 for none
	Accept            bool          // takes what is sent to the addresses, as their owner does
	// VirtualMAC puts the addresses behind the virtual MAC, on a device of their own:
	// see Devices. Adverts to UnicastPeers go from Interface all the same.
	VirtualMAC        bool
	VirtualMACName    string // of that device; "" for one that perch chooses
	VirtualMACAddress MAC    // not that of the RFC; the zero value for that
	VirtualMACAdverts bool   // adverts come from the virtual MAC, too
	TrackOwnInterface bool   // fault while Interface is down
	// LinkDownDelay and LinkUpDelay are for how long Interface must be down or up before it counts.
	LinkDownDelay, LinkUpDelay time.Duration

	Source         netip.Addr // of its adverts; not valid for the interface's own address
	TrackSource    bool       // fault while Interface has not got Source
	UnicastPeers   []UnicastPeer
	MulticastGroup netip.Addr // of adverts without UnicastPeers
	UnicastTTL     int        // of adverts to them, 1 to 255
	Checksum       string     // "auto", "pseudo-header" or "message-only"
	// AnswerLower has a master answer an advert of lower priority with one of its own,
	// AnswerHigher one of higher priority before it gives way.
	AnswerLower, AnswerHigher bool

	GARPRepeat        int           // how often a new master announces its addresses
	GARPDelay         time.Duration // when for the last time; 0 for no such one
	GARPRefresh       time.Duration // 0 for never
	GARPRefreshRepeat int
	GARPInterval      time.Duration // between two announcements on an interface; 0 for none
	// GARPLowerRepeat and GARPLowerDelay are for a master that hears an advert of lower
	// priority: how often it announces its addresses then, 0 for not at all, and when for the
	// last time, 0 for no such one.
	GARPLowerRepeat int
	GARPLowerDelay  time.Duration

	Auth   Auth
	Routes []Route
	Rules  []Rule
	Track  []Track
}

// UnicastPeer is another router to which adverts are sent by themselves.
type UnicastPeer struct {
	Address        netip.Addr
	MinTTL, MaxTTL int // of what comes from it; 0 for any
}

// Auth is how a router's adverts are told from others.
type Auth struct {
	Kind       string    // "none", "pass", "ah" or "hmac"
	SecretFile string    // of "pass" and "ah": 1 to 8 bytes
	Keys       []AuthKey // of "hmac", each with an ID of its own
	Active     int       // the ID of the key that signs
	// Window is by how much the clocks of "hmac" may differ; 0 if AntiReplay is "monotonic".
	Window time.Duration
	// Mode is how far "hmac" is insisted on: "enforce", "permissive" or "receive-only".
	Mode string
	// AntiReplay is by what "hmac" knows adverts that were sent before: "time" or "monotonic".
	AntiReplay string
}

// AuthKey is one key of "hmac".
type AuthKey struct {
	ID   int // 0 to 255
	File string
}

// SyncGroup is a list of virtual routers that are masters on one node only together.
type SyncGroup struct {
	Name    string
	Members []string // names of virtual routers, at least 2
	Track   []Track  // counts for each member
}

// SyncGroup returns the name of the group that a virtual router is in, or "".
func (c *Config) SyncGroup(router string) string {
	for _, g := range c.SyncGroups {
		for _, member := range g.Members {
			if member == router {
				return g.Name
			}
		}
	}
	return ""
}

// Devices returns, for each of VRRP, the name of the device with its virtual MAC, or
// "" for those without one. Routers with one VRID and family whose devices have no names
// of their own are told apart by their order in the file.
func (c *Config) Devices() []string {
	devices := make([]string, len(c.VRRP))
	given, used := map[string]bool{}, map[string]int{}
	for i := range c.VRRP {
		if r := &c.VRRP[i]; r.VirtualMAC && r.VirtualMACName != "" {
			devices[i] = r.VirtualMACName
			given[r.VirtualMACName] = true
		}
	}
	for i := range c.VRRP {
		if r := &c.VRRP[i]; r.VirtualMAC && r.VirtualMACName == "" {
			devices[i] = r.device(given, used)
		}
	}
	return devices
}

// device returns the next name for a router of the VRID that was not given to another.
func (r *VirtualRouter) device(given map[string]bool, used map[string]int) string {
	base := fmt.Sprintf("vrrp.%d", r.VRID)
	if r.IPv6() {
		base = fmt.Sprintf("vrrp6.%d", r.VRID)
	}
	for {
		used[base]++
		name := base
		if n := used[base]; n > 1 {
			name = fmt.Sprintf("%s.%d", base, n)
		}
		if !given[name] {
			return name
		}
	}
}

// MAC returns the virtual MAC of the router.
func (r *VirtualRouter) MAC() MAC {
	switch {
	case r.VirtualMACAddress != MAC{}:
		return r.VirtualMACAddress
	case r.IPv6():
		return MAC{0, 0, 0x5e, 0, 2, byte(r.VRID)}
	}
	return MAC{0, 0, 0x5e, 0, 1, byte(r.VRID)}
}
