package fence

import (
	"context"
	"net/netip"
	"time"
)

// Kind names a mechanism, as in the config.
type Kind string

// Kinds of fences, the strongest first.
const (
	Auto     Kind = "auto" // the strongest that the kernel has
	BPF      Kind = "bpf"
	NFTables Kind = "nftables"
	Lifetime Kind = "lifetime"
	Off      Kind = "off"
)

// Promise says in one sentence what the kind is good for.
func (k Kind) Promise() string {
	switch k {
	case BPF:
		return "the kernel stops answering for the VIPs when the lease ends, whatever has become of perch"
	case NFTables:
		return "the kernel stops answering for the VIPs when the lease ends, but a freeze at the wrong moment may let it answer for a moment after the thaw"
	case Lifetime:
		return "the VIPs of a dead or frozen owner answer for up to 3.1 s, and a successor that nobody called waits so long"
	default:
		return "nothing keeps a dead or frozen owner from answering beside its successor, for up to 3.1 s"
	}
}

// mechanism is a way to make the kernel enforce a lease. Set may be called beside the
// other methods, and Watch is; these are called one at a time.
type mechanism interface {
	// Protect replaces the set of fenced VIPs. After an error at least those are
	// fenced that were before.
	Protect(vips []netip.Prefix) error
	// Guard returns once the interface is fenced.
	Guard(index int) error
	// Set lets the host answer until a reading of CLOCK_BOOTTIME, or no more with 0.
	Set(until time.Duration) error
	// Audit puts back what others have removed or got in front of. It returns an
	// error as long as the kernel may answer beyond the lease.
	Audit() error
	// Mended tells what Audit has put back.
	Mended() Mended
	// Watch calls changed after every change of what Audit looks at, until ctx ends.
	Watch(ctx context.Context, changed func()) error
	// Close takes the mechanism out of the kernel.
	Close() error
}
