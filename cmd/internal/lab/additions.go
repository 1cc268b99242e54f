package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Additions remembers how often an address was put on an interface of a host, or
// refreshed there. Unlike a Watch it misses none, however short.
type Additions struct {
	host *Host
	addr netip.Addr
	fd   int // the kernel keeps the notifications until they are counted
	seen int
}

// Additions begins to remember for one address. It must be closed.
func (h *Host) Additions(addr netip.Addr) (*Additions, error) {
	a := &Additions{host: h, addr: addr}
	err := h.Do(func() (err error) {
		a.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		groups := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR}
		if err := unix.Bind(a.fd, groups); err != nil {
			return errors.Join(os.NewSyscallError("bind", err), unix.Close(a.fd))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("watch the addresses of %s: %w", h.Name, err)
	}
	return a, nil
}

// Count returns how often it happened until now.
func (a *Additions) Count() (int, error) {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(a.fd, buf, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return a.seen, nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return a.seen, fmt.Errorf("watch the addresses of %s: %w", a.host.Name, err)
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return a.seen, fmt.Errorf("watch the addresses of %s: %w", a.host.Name, err)
		}
		for _, m := range messages {
			if added(m) == a.addr {
				a.seen++
			}
		}
	}
}

// Close ends it.
func (a *Additions) Close() error { return unix.Close(a.fd) }

// added returns the address that a notification says is there, or none.
func added(m syscall.NetlinkMessage) netip.Addr {
	if m.Header.Type != unix.RTM_NEWADDR {
		return netip.Addr{}
	}
	attributes, err := syscall.ParseNetlinkRouteAttr(&m)
	if err != nil {
		return netip.Addr{}
	}
	for _, attribute := range attributes {
		if attribute.Attr.Type == unix.IFA_ADDRESS {
			addr, _ := netip.AddrFromSlice(attribute.Value)
			return addr
		}
	}
	return netip.Addr{}
}
