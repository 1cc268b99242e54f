package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// departures counts how often an address leaves a host, however soon it is back. A
// refresh of its lifetime is none.
func departures(t *testing.T, h *lab.Host, addr string) (count func() int) {
	t.Helper()
	updates, done := make(chan netlink.AddrUpdate), make(chan struct{})
	must(t, h.Do(func() error { return netlink.AddrSubscribe(updates, done) }))
	var mu sync.Mutex
	var left int
	var reading sync.WaitGroup
	reading.Go(func() {
		for u := range updates {
			has, _ := netip.AddrFromSlice(u.LinkAddress.IP)
			if !u.NewAddr && has.Unmap() == netip.MustParseAddr(addr) {
				mu.Lock()
				left++
				mu.Unlock()
			}
		}
	})
	t.Cleanup(reading.Wait)
	t.Cleanup(func() { close(done) })
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return left
	}
}

// on runs fn with a link of the host.
func on(t *testing.T, h *lab.Host, name string, fn func(netlink.Link) error) {
	t.Helper()
	must(t, h.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return fn(link)
	}))
}

// hasLink reports whether the host has an interface of that name.
func hasLink(t *testing.T, h *lab.Host, name string) (has bool) {
	t.Helper()
	must(t, h.Do(func() error {
		_, err := netlink.LinkByName(name)
		has = err == nil
		return nil
	}))
	return has
}

// protocolOfPerch marks the routes and rules that are perch's.
const protocolOfPerch = 212

// paths returns the routes and rules of perch in the host's kernel.
func paths(t *testing.T, h *lab.Host) (list []string) {
	t.Helper()
	must(t, h.Do(func() error {
		for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
			routes, err := netlink.RouteListFiltered(family, &netlink.Route{Protocol: protocolOfPerch}, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
			if err != nil {
				return err
			}
			for _, r := range routes {
				list = append(list, fmt.Sprintf("%s table %d", r.Dst, r.Table))
			}
			rules, err := netlink.RuleList(family)
			if err != nil {
				return err
			}
			for _, r := range rules {
				if r.Protocol == protocolOfPerch {
					list = append(list, fmt.Sprintf("rule %d table %d", r.Priority, r.Table))
				}
			}
		}
		return nil
	}))
	slices.Sort(list)
	return list
}
