package vip

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// This file is the fake kernel's local routes to ranges, which it keeps among the
// addresses.

func testRange(prefix string) VIP {
	return VIP{Address: netip.MustParsePrefix(prefix), Interface: "eth0", Kind: Range}
}

// addRange does what fib_table_insert does: there is one route to a destination.
func (k *fakeKernel) addRange(a address, replace bool) error {
	i := slices.IndexFunc(k.addresses, func(b address) bool { return b.isRange() && b.prefix == a.prefix })
	switch {
	case i >= 0 && !replace:
		return unix.EEXIST
	case i >= 0:
		k.addresses[i] = a
	default:
		k.addresses = append(k.addresses, a)
	}
	k.notify(unix.RTM_NEWROUTE, appendRange(nil, a))
	return nil
}

func (k *fakeKernel) dumpRanges(query []byte) [][]byte {
	var answers [][]byte
	for _, a := range k.addresses {
		if a.isRange() && a.is4() == (query[0] == unix.AF_INET) {
			answers = append(answers, appendRange(nil, a))
		}
	}
	return answers
}

// routeByHand removes a local route as an operator would, and putRoute adds one.
func (k *fakeKernel) routeByHand(v VIP) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.remove(v.route(2))
}

func (k *fakeKernel) putRoute(index int, prefix string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.add(address{kind: Range, index: index, prefix: netip.MustParsePrefix(prefix)}, false); err != nil {
		panic(err)
	}
}
