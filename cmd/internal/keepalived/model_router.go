package keepalived

import (
	"net/netip"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// instance is a vrrp_instance.
type instance struct {
	by    *syntax.Statement
	name  string // there
	title string // here: see titles

	iface, state            said[string]
	vrid, priority, version said[int]
	advert                  said[time.Duration]

	addresses    []address
	auth         authentication
	noPreempt    said[bool]
	preemptDelay said[time.Duration]
	tracks       []tracked

	// group and references are what names stand for: see resolve.
	group      *syncGroup
	references []reference

	*special
	owned bool // whether special is this instance's own: see own
}

// special is what few of tens of thousands of instances have. The others share a zero one.
type special struct {
	excluded   []address
	noAddress  said[bool]
	nativeIPv6 bool
	routes     []route
	rules      []rule

	source             said[netip.Addr] // of adverts
	multicast          said[netip.Addr] // where they go without peers
	unicast            said[bool]       // whether there is a unicast_peer
	peers              []peer
	faultWithoutPeer   said[bool]
	unicastTTL         said[int]
	trackSource        said[bool]
	checksumAsVersion2 said[bool]
	hmac               hmacAuthentication

	accept        said[bool]
	strict        said[bool]
	ignorePrimary said[bool] // dont_track_primary
	vmac          said[vmac]
	xmitBase      said[bool]
	announcement  announcement

	lowerPriorityNoAdvert, higherPrioritySendAdvert said[bool]

	notify notification
	alert  said[bool] // whether mails are sent
}

// own returns the special part for what is to be changed in it.
func (i *instance) own() *special {
	if !i.owned {
		i.special, i.owned = new(special), true
	}
	return i.special
}

// announcement is when the addresses are announced by gratuitous ARP and neighbor discovery.
type announcement struct {
	delay, refresh, extra said[time.Duration]
	repeat, refreshRepeat said[int]

	lowerDelay  said[time.Duration] // after an advert of lower priority
	lowerRepeat said[int]           // 0 for none
}

// address is one of virtual_ipaddress or static_ipaddress.
type address struct {
	by        *syntax.Statement
	prefix    netip.Prefix
	dev       string // "" for the router's interface
	label     string
	scope     string
	broadcast netip.Addr // not valid for none
	bare      bool       // noprefixroute
	noTrack   bool

	peer             netip.Addr // not valid for none
	lifetime         string     // preferred_lft, "" for the usual one
	preferred        bool       // of IPv6, as it comes from lifetime
	home, mngTmpAddr bool
}

// peer is one of unicast_peer.
type peer struct {
	by             *syntax.Statement
	address        netip.Addr
	minTTL, maxTTL int // 0 for any
}

// authentication is that of RFC 2338.
type authentication struct {
	kind, password said[string]
	named          bool // whether there is a password, right or wrong
}

// hmacAuthentication is that of keepalived 2.4.
type hmacAuthentication struct {
	by     *syntax.Statement
	keys   []hmacKey
	named  bool // whether there is a key, right or wrong
	active said[int]
	window said[time.Duration]
	mode   said[string]
	replay said[string]
}

type hmacKey struct {
	by    *syntax.Statement
	id    int
	value string // "" for one in a file
	file  string
}

// ipv6 reports the family of the instance, which is that of its first address, and without
// one that of what else its adverts have: IPv4 if they have nothing.
func (i *instance) ipv6() bool {
	if len(i.addresses) > 0 {
		return i.addresses[0].prefix.Addr().Is6()
	}
	return i.speaksIPv6()
}

// speaksIPv6 reports whether something beside the addresses is of IPv6.
func (i *instance) speaksIPv6() bool {
	return i.nativeIPv6 || i.source.value.Is6() || i.multicast.value.Is6() ||
		len(i.peers) > 0 && i.peers[0].address.Is6()
}

// owner reports whether the instance has priority 255.
func (i *instance) owner() bool { return i.effectivePriority() == 255 }

// effectivePriority is that of keepalived where the file says none: 255 with state MASTER.
func (i *instance) effectivePriority() int {
	if i.state.value == "MASTER" {
		return i.priority.is(255)
	}
	return i.priority.is(100)
}
