package vip

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrSuperseded is returned by a Set that a later Set overtook: what it had not
// done yet was left to the later one.
var ErrSuperseded = errors.New("superseded by a later Set")

// ErrNotAllowed is returned by a Set that Options.Allowed kept from adding.
var ErrNotAllowed = errors.New("this node may not hold VIPs now")

// ErrNotConfigured is returned by a Set of a VIP that Configure does not know.
var ErrNotConfigured = errors.New("not configured")

// ErrInvalid is returned by a Configure of what cannot be VIPs: nothing has changed.
var ErrInvalid = errors.New("VIPs not valid")

// ErrLedger is returned by a Configure that could not write the ledger: nothing
// has changed.
var ErrLedger = errors.New("ledger not written")

// VIP is one virtual address on one interface. It is comparable.
type VIP struct {
	Address   netip.Prefix // the address itself, not masked, with its prefix length
	Interface string       // name of the interface that carries it
	Kind      Kind         // one address, or all of a range
}

// String returns the VIP as "ADDRESS/BITS INTERFACE".
func (v VIP) String() string { return v.Address.String() + " " + v.Interface }

// bare is v with the longest prefix length, so that VIPs that differ in
// nothing else are the same.
func (v VIP) bare() VIP {
	if v.isRange() {
		return v
	}
	addr := v.Address.Addr()
	return VIP{Address: netip.PrefixFrom(addr, addr.BitLen()), Interface: v.Interface}
}

// etherType is that of the frames that say where v is.
func (v VIP) etherType() uint16 {
	if v.Address.Addr().Is4() {
		return unix.ETH_P_ARP
	}
	return unix.ETH_P_IPV6
}

// check reports why v cannot be a VIP.
func (v VIP) check() error {
	addr := v.Address.Addr()
	switch {
	case !v.Address.IsValid() || addr.Is4In6():
		return fmt.Errorf("VIP %s: not an address with a prefix length", v)
	case !v.isRange() && addr.IsUnspecified() || addr.IsMulticast() || addr.IsLoopback():
		return fmt.Errorf("VIP %s: not an address of one host on a network", v)
	case v.Kind != Single && !v.isRange():
		return fmt.Errorf("VIP %s: unknown kind %q", v, v.Kind)
	case v.isRange() && CheckRange(v.Address) != nil:
		return fmt.Errorf("VIP %s: %w", v, CheckRange(v.Address))
	case v.Interface == "" || len(v.Interface) > 15 || strings.ContainsAny(v.Interface, "/ \t\n\x00"):
		return fmt.Errorf("VIP %s: %q names no interface", v, v.Interface)
	}
	return nil
}

// Options are the fixed properties of a Manager.
type Options struct {
	// Ledger is the file that remembers every VIP which this node was ever made
	// responsible for and which may still be in the kernel. Empty means none.
	Ledger string
	// Lifetime is the valid lifetime that the kernel is given for a VIP, in
	// whole seconds, refreshed by Run while the VIP is wanted: the kernel drops the
	// VIP of a process that is gone or stopped at most 1.1 s after it. 0 means for ever.
	Lifetime time.Duration
	// Fenced is asked whether something else than the lifetime keeps the host from answering
	// for a VIP whose process is gone. The lifetime is but a backstop then, and grows with
	// the number of VIPs that are wanted, to at most a minute, so that few refreshes do. It
	// must be quick; after it has changed call RefreshAll. nil means never.
	Fenced func(VIP) bool
	// Allowed is asked before each address that is added, taken over or refreshed,
	// and before each announcement: a VIP has none of these while it says no. So a
	// process that was stopped for a while takes nothing back from the node that has
	// taken over, before it finds out itself. It must be quick, and wait for nobody
	// who waits for the Manager. nil means always.
	Allowed func(VIP) bool
	// Schedule is asked how the announcements of a VIP go on. It must be quick. nil
	// means the default for all.
	Schedule func(VIP) Pace
	// Attributes is asked how the address of a VIP is put on its interface. It must be
	// quick. What has changed is so from the next look on, as the next Configure has one:
	// the address goes, and comes back at once, but stays for what is for IPv6 only. nil
	// means the zero value for all.
	Attributes func(VIP) Attributes
	// Guard is called before an address is added to the interface of an index, or
	// taken over there. An error of it keeps the address away, and is tried again.
	// nil means that nothing guards interfaces.
	Guard func(index int) error
	// NoRanges says why this node may hold no ranges; nil if it may. The kernel keeps a
	// route for ever: what is to end with a process that is gone must be fenced.
	NoRanges error
	// Company is shared by the Managers that work in one network namespace. nil means
	// that this one is alone there.
	Company *Company
	// Courtesy is how long after a VIP was taken it is asked who else has it: where two
	// may have it for a moment as it moves, that is no conflict. 0 asks at once.
	Courtesy time.Duration
	// Log receives what happens to the addresses. nil discards it.
	Log *slog.Logger
}

func (o Options) check() error {
	if o.Lifetime < 0 || o.Lifetime%time.Second != 0 || o.Lifetime/time.Second > math.MaxInt32 {
		return fmt.Errorf("lifetime %v: want whole seconds, or 0 for ever", o.Lifetime)
	}
	return nil
}

// Status is what is known of one configured VIP.
type Status struct {
	VIP     VIP
	Held    bool      // the kernel had it at the last look
	Since   time.Time // when Held last changed; zero if it never did
	Reason  string    // what keeps a wanted VIP from being held or reached, or another one from going or from being held; else empty
	Readded uint64    // times it was put back after somebody else had removed it
	// Conflict tells of other hosts that claimed it while it was held here.
	Conflict Conflict
}

// Conflict is what was heard of other hosts that say a VIP is theirs, by ARP or as
// neighbor advertisements. It is zero if nothing was.
type Conflict struct {
	MAC     string    // of the last such host, as "02:00:5e:10:20:30"
	Count   uint64    // frames that said so
	Last    time.Time // when the last of them was heard
	Ongoing bool      // it is not over yet, as far as can be told
}

// Stats counts what a Manager did since it was made.
type Stats struct {
	Announced      uint64 // frames sent
	AnnounceErrors uint64 // frames that the kernel refused
	Readded        uint64 // addresses put back after somebody else had removed them
	Refreshed      uint64 // lifetimes renewed
	Syncs          uint64 // times the kernel's addresses were read and compared
	Overruns       uint64 // times the kernel dropped notifications, so that all was read anew
	Asked          uint64 // frames sent that ask who else has a VIP
	Conflicts      uint64 // frames in which another host claimed a VIP held here
	Defended       uint64 // times a VIP was announced in answer to such frames
	Withheld       uint64 // times a VIP was not announced, since it might not be held any more
}
