package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Touches counts how often an address is added to a host, refreshed or removed there.
// Unlike a Watch it overlooks no address, however short its stay. Of an IPv6 address
// that stays for no time at all the kernel tells only that it goes.
type Touches struct {
	host *Host
	addr netip.Addr
	fd   int // the kernel keeps the notifications until they are counted
	seen int
}

// Touches begins to count for one address. It must be closed.
func (h *Host) Touches(addr netip.Addr) (*Touches, error) {
	t := &Touches{host: h, addr: addr}
	err := h.Do(func() (err error) {
		t.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		groups := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR}
		if err := unix.Bind(t.fd, groups); err != nil {
			return errors.Join(os.NewSyscallError("bind", err), unix.Close(t.fd))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("watch the addresses of %s: %w", h.Name, err)
	}
	return t, nil
}

// Count returns how often it happened until now.
func (t *Touches) Count() (int, error) {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(t.fd, buf, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return t.seen, nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return t.seen, fmt.Errorf("watch the addresses of %s: %w", t.host.Name, err)
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return t.seen, fmt.Errorf("watch the addresses of %s: %w", t.host.Name, err)
		}
		for _, m := range messages {
			if touched(m) == t.addr {
				t.seen++
			}
		}
	}
}

// Close ends it.
func (t *Touches) Close() error { return unix.Close(t.fd) }

// touched returns the address that a notification is about, or none.
func touched(m syscall.NetlinkMessage) netip.Addr {
	if m.Header.Type != unix.RTM_NEWADDR && m.Header.Type != unix.RTM_DELADDR {
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
