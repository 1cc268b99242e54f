package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Routes writes down each change of a host's routes to some prefixes, as its kernel
// tells of it. It looks at routes to just those prefixes: those of the main table, and
// the one that is there while the host has the address itself, which is a way by itself.
type Routes struct {
	host    *Host
	updates chan netlink.RouteUpdate
	done    chan struct{}
	ended   sync.WaitGroup
	close   func() error

	mu    sync.Mutex
	known map[netip.Prefix][]Ways
	err   error
}

// WatchRoutes watches the routes to the prefixes until the Routes or the lab is closed.
func (h *Host) WatchRoutes(prefixes ...netip.Prefix) (*Routes, error) {
	r := &Routes{
		host:    h,
		updates: make(chan netlink.RouteUpdate, 64),
		done:    make(chan struct{}),
		known:   map[netip.Prefix][]Ways{},
	}
	err := h.ns.use(func(*netlink.Handle) error {
		return netlink.RouteSubscribeWithOptions(r.updates, r.done, netlink.RouteSubscribeOptions{
			Namespace:              &h.ns.fd,
			ErrorCallback:          r.fail,
			ReceiveBufferSize:      1 << 20,
			ReceiveBufferForceSize: true,
		})
	})
	if err != nil {
		return nil, fmt.Errorf("watch the routes of %s: %w", h.Name, err)
	}
	r.close = sync.OnceValue(r.end)
	err = r.list(prefixes)
	if err == nil {
		err = h.lab.begin(r, func() { r.ended.Go(r.read) })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch the routes of %s: %w", h.Name, err), r.discard())
	}
	return r, nil
}

// list notes the routes that are there. What changes meanwhile waits to be read.
func (r *Routes) list(prefixes []netip.Prefix) error {
	for _, p := range prefixes {
		via, err := r.host.Via(p)
		if err != nil {
			return err
		}
		r.known[p] = []Ways{{At: time.Now(), Via: via}}
	}
	return nil
}

// Close ends the watch; what was seen stays readable. It returns an error if something
// may have been missed.
func (r *Routes) Close() error { return r.close() }

func (r *Routes) end() error {
	close(r.done)
	r.ended.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// discard ends a watch that nobody reads.
func (r *Routes) discard() error {
	r.ended.Go(r.read)
	return r.end()
}

// fail notes an error of the watch, but not that it was ended.
func (r *Routes) fail(err error) {
	select {
	case <-r.done:
		return
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = errors.Join(r.err, fmt.Errorf("watch the routes of %s: %w", r.host.Name, err))
}

func (r *Routes) read() {
	for update := range r.updates {
		r.note(time.Now(), update)
	}
}

func (r *Routes) note(now time.Time, update netlink.RouteUpdate) {
	if !isWay(update.Route) {
		return
	}
	addr, _ := netip.AddrFromSlice(update.Dst.IP)
	bits, _ := update.Dst.Mask.Size()
	prefix := netip.PrefixFrom(addr.Unmap(), bits)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, watched := r.known[prefix]; !watched {
		return
	}
	var via []*Host
	if update.Type == unix.RTM_NEWROUTE {
		via = r.host.hops(update.Route)
	}
	r.known[prefix] = follow(r.known[prefix], Ways{At: now, Via: via})
}

// Since returns how the ways to the prefix were from a moment until now.
func (r *Routes) Since(prefix netip.Prefix, from time.Time) Passage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return passage(r.known[prefix], from, time.Now())
}

// isWay leaves out what the kernel adds to an address besides, and the default routes.
func isWay(r netlink.Route) bool {
	switch {
	case r.Dst == nil:
		return false
	case r.Type == unix.RTN_LOCAL:
		return r.Table == unix.RT_TABLE_LOCAL
	default:
		return r.Table == unix.RT_TABLE_MAIN && r.Protocol != unix.RTPROT_KERNEL
	}
}

// hops returns the hosts that a route of this one goes by, in the order of the lab's
// hosts; nil for one that is not of the lab.
func (h *Host) hops(route netlink.Route) []*Host {
	if route.Type == unix.RTN_LOCAL {
		return []*Host{h}
	}
	hops := route.MultiPath
	if len(hops) == 0 {
		hops = []*netlink.NexthopInfo{{Gw: route.Gw, Via: route.Via}}
	}
	var via []*Host
	for _, hop := range hops {
		ip := hop.Gw
		if v, ok := hop.Via.(*netlink.Via); ok {
			ip = v.Addr
		}
		addr, _ := netip.AddrFromSlice(ip)
		via = append(via, h.lab.hostByAddress(addr.Unmap()))
	}
	h.lab.sortHosts(via)
	return slices.Compact(via)
}

// Via returns the hosts by which the host's kernel routes a prefix just now, as in Routes.
func (h *Host) Via(prefix netip.Prefix) (via []*Host, err error) {
	err = h.ns.use(func(nl *netlink.Handle) error {
		filter := &netlink.Route{Dst: ipNet(prefix), Table: unix.RT_TABLE_UNSPEC}
		routes, err := nl.RouteListFiltered(familyOf(prefix.Addr()), filter, netlink.RT_FILTER_DST|netlink.RT_FILTER_TABLE)
		for _, route := range routes {
			if isWay(route) {
				via = append(via, h.hops(route)...)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the routes of %s to %s: %w", h.Name, prefix, err)
	}
	return via, nil
}
