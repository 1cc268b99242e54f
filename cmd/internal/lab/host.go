package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// maxHosts leaves 198.18.K.100 and above to virtual addresses.
const maxHosts = 99

// Host is one machine of a lab.
type Host struct {
	Name string
	Eth0 *Link

	lab    *Lab
	number int // N in 198.18.K.N
	ns     *namespace

	mu        sync.Mutex
	links     []*Link
	processes []*Process
	closed    bool
}

// AddHost adds a host whose eth0 is joined to the switch. The name is for
// people only; hosts may share one.
func (l *Lab) AddHost(name string, sw *Switch) (*Host, error) {
	h, err := l.newHost(name)
	if err != nil {
		return nil, err
	}
	if h.Eth0, err = h.Join(sw); err != nil {
		return nil, err // the host itself goes with the lab
	}
	return h, nil
}

func (l *Lab) newHost(name string) (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fmt.Errorf("add host %s: %w", name, errClosed)
	}
	if len(l.hosts) == maxHosts {
		return nil, fmt.Errorf("add host %s: a lab has room for %d hosts", name, maxHosts)
	}
	ns, err := newNamespace()
	if err != nil {
		return nil, err
	}
	h := &Host{Name: name, lab: l, number: len(l.hosts) + 1, ns: ns}
	l.hosts = append(l.hosts, h)
	return h, nil
}

// Do runs fn on a thread in the host's namespace and returns its error. Sockets
// that fn opens stay in that namespace. fn must not start goroutines that need
// it, and must not end the goroutine (as testing's FailNow does).
func (h *Host) Do(fn func() error) error { return h.ns.do(fn) }

// Dial connects from the host to a literal address and port.
func (h *Host) Dial(ctx context.Context, network string, to netip.AddrPort) (conn net.Conn, err error) {
	err = h.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, to.String())
		return err
	})
	return conn, err
}

// Has reports whether one of the host's interfaces has the address, or a range of the
// host's own does.
func (h *Host) Has(addr netip.Addr) (bool, error) {
	addrs, err := h.Addresses()
	if err != nil || slices.Contains(addrs, addr) {
		return err == nil, err
	}
	return h.routesToItself(addr)
}

// Addresses returns those of the host's interfaces.
func (h *Host) Addresses() ([]netip.Addr, error) {
	listed, err := h.addresses()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range listed {
		if addr, ok := netip.AddrFromSlice(a.IP); ok {
			addrs = append(addrs, addr.Unmap())
		}
	}
	return addrs, nil
}

// Live reports whether one of the host's interfaces has the address and is up, carrier
// and all. An address of the host that is not live is answered for by nobody.
func (h *Host) Live(addr netip.Addr) (live bool, err error) {
	addrs, err := h.addresses()
	if err != nil {
		return false, err
	}
	for _, a := range addrs {
		if has, ok := netip.AddrFromSlice(a.IP); !ok || has.Unmap() != addr {
			continue
		}
		err := h.ns.use(func(nl *netlink.Handle) error {
			link, err := nl.LinkByIndex(a.LinkIndex)
			if _, gone := errors.AsType[netlink.LinkNotFoundError](err); gone {
				return nil
			}
			if err == nil {
				live = live || link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
			}
			return err
		})
		if err != nil {
			return false, fmt.Errorf("look at the interface of %s on %s: %w", addr, h.Name, err)
		}
	}
	return live, nil
}

// HasLinkLocal reports whether every interface has an IPv6 link-local address that can be
// used. Those of a new host are not there at first, and then not free for a second or two.
func (h *Host) HasLinkLocal() (bool, error) {
	addrs, err := h.addresses()
	if err != nil {
		return false, err
	}
	usable := map[int]bool{} // by interface
	for _, a := range addrs {
		if a.IP.IsLinkLocalUnicast() && a.Flags&unix.IFA_F_TENTATIVE == 0 {
			usable[a.LinkIndex] = true
		}
	}
	return len(usable) >= len(h.Links()), nil
}

// addresses repeats a listing that changed while the kernel wrote it.
func (h *Host) addresses() (addrs []netlink.Addr, err error) {
	for range 100 {
		err = h.ns.use(func(nl *netlink.Handle) (err error) {
			addrs, err = nl.AddrList(nil, unix.AF_UNSPEC)
			return err
		})
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("list the addresses of %s: %w", h.Name, err)
	}
	return addrs, nil
}

// RemoveAddress takes an address away by hand, as an operator or another
// daemon would.
func (h *Host) RemoveAddress(addr netip.Addr) error {
	addrs, err := h.addresses()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(addrs, func(a netlink.Addr) bool {
		has, _ := netip.AddrFromSlice(a.IP)
		return has.Unmap() == addr
	})
	if at < 0 {
		return fmt.Errorf("remove %s from %s: it has no such address", addr, h.Name)
	}
	err = h.ns.use(func(nl *netlink.Handle) error {
		link, err := nl.LinkByIndex(addrs[at].LinkIndex)
		if err != nil {
			return err
		}
		return nl.AddrDel(link, &netlink.Addr{IPNet: addrs[at].IPNet})
	})
	if err != nil {
		return fmt.Errorf("remove %s from %s: %w", addr, h.Name, err)
	}
	return nil
}

// Links returns the host's links: eth0, eth1, and so on.
func (h *Host) Links() []*Link {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.links)
}

func (h *Host) close() error {
	h.mu.Lock()
	processes := h.processes
	h.processes, h.closed = nil, true
	h.mu.Unlock()
	for _, p := range processes {
		p.kill()
	}
	h.ns.empty()
	return h.ns.close()
}
