package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/vip"
)

// errUnfenced says that the fence did not take the VIPs.
var errUnfenced = errors.New("VIPs not fenced")

// unchanged tells whether a configure ended with err because it changed nothing.
func unchanged(err error) bool {
	return errors.Is(err, vip.ErrLedger) || errors.Is(err, vip.ErrInvalid) || errors.Is(err, errUnfenced)
}

// configure replaces the VIPs that this node holds when it owns. An error that is
// unchanged means that nothing has changed; any other that the kernel did not take
// all, which is tried again.
//
// A VIP is fenced before its address can be added and until it is gone. At the start
// a dead predecessor's fence is in force: addresses that it left go before ours
// replaces it.
func (h *holder) configure(vips []vip.VIP) error {
	h.mu.Lock()
	before := h.fenced
	h.mu.Unlock()
	first := before == nil
	fenced := slices.Concat(before, vips)
	if !first {
		if err := h.fence.Protect(prefixes(fenced)); err != nil {
			return fmt.Errorf("%w: %w", errUnfenced, err)
		}
	}
	err := h.vips.Configure(vips)
	if unchanged(err) && !first { // what is refused may be the host's own
		err = errors.Join(err, h.fence.Protect(prefixes(before)))
	}
	if unchanged(err) {
		return err
	}
	switch protect := h.fence.Protect; {
	case first:
		if err := protect(prefixes(vips)); err != nil {
			return fmt.Errorf("%w: %w", errUnfenced, err)
		}
	case err != nil: // what was to go may be there still
	default:
		if err := protect(prefixes(vips)); err != nil { // the old ones are dark here anyway
			h.log.Warn("the fence keeps VIPs that are no longer configured", "error", err)
		} else {
			fenced = slices.Clone(vips)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.configured, h.fenced = slices.Clone(vips), slices.Concat([]vip.VIP{}, fenced)
	h.orders++             // one under way is of the old list
	h.done.settled = false // set anew, as far as this node owns
	offer(h.poke, struct{}{})
	return err
}

// prefixes returns the addresses and ranges of VIPs, without repetitions.
func prefixes(lists ...[]vip.VIP) []netip.Prefix {
	var all []netip.Prefix
	for _, v := range slices.Concat(lists...) {
		all = append(all, v.Protected())
	}
	slices.SortFunc(all, netip.Prefix.Compare)
	return slices.Compact(all)
}
