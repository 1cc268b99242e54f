package vip

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"
)

// ErrSuperseded is returned by a Set that a later Set overtook: what it had not
// done yet was left to the later one.
var ErrSuperseded = errors.New("superseded by a later Set")

// VIP is one virtual address on one interface. It is comparable.
type VIP struct {
	Address   netip.Prefix // the address itself, not masked, with its prefix length
	Interface string       // name of the interface that carries it
}

// String returns the VIP as "ADDRESS/BITS INTERFACE".
func (v VIP) String() string { return v.Address.String() + " " + v.Interface }

// Options are the fixed properties of a Manager.
type Options struct {
	// Ledger is the file that remembers every VIP which this node was ever made
	// responsible for and which may still be in the kernel. Empty means none.
	Ledger string
	// Lifetime is the valid lifetime that the kernel is given for a VIP, in
	// whole seconds, refreshed while the VIP is wanted. 0 means for ever.
	Lifetime time.Duration
	// Log receives what happens to the addresses. nil discards it.
	Log *slog.Logger
}

// Status is what is known of one configured VIP.
type Status struct {
	VIP     VIP
	Held    bool      // the kernel had it at the last look
	Since   time.Time // when Held last changed; zero if it never did
	Reason  string    // what stands in the way of a wanted VIP; empty when nothing does
	Readded uint64    // times it was put back after somebody else had removed it
}

// Stats counts what a Manager did since it was made.
type Stats struct {
	Announced      uint64 // frames sent
	AnnounceErrors uint64 // frames that the kernel refused
	Readded        uint64 // addresses put back after somebody else had removed them
	Refreshed      uint64 // lifetimes renewed
	Syncs          uint64 // times the kernel's state was read and compared
	Overruns       uint64 // times the kernel dropped notifications and all was read anew
}
