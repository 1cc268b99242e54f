package route

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// groups are what may change routes and rules, or let those come that could not.
var groups = [...]int{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
	unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
}

// watch is a socket that is told what others change, while it listens.
type watch struct {
	*nl.NetlinkSocket
	listening bool
	closed    atomic.Bool
}

// openWatch opens it in the namespace of the calling thread.
func openWatch() (*watch, error) {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open socket of netlink notifications: %w", err)
	}
	if err := filter(s.GetFd()); err != nil {
		s.Close()
		return nil, fmt.Errorf("filter netlink notifications: %w", err)
	}
	return &watch{NetlinkSocket: s}, nil
}

// Listen begins to listen.
func (w *watch) Listen() error {
	if w.listening {
		return nil
	}
	w.listening = true
	return w.each(unix.NETLINK_ADD_MEMBERSHIP)
}

// Ignore ends that.
func (w *watch) Ignore() error {
	if !w.listening {
		return nil
	}
	w.listening = false
	return w.each(unix.NETLINK_DROP_MEMBERSHIP)
}

// each sets an option of the socket for each group.
func (w *watch) each(option int) error {
	for _, group := range groups {
		if err := unix.SetsockoptInt(w.GetFd(), unix.SOL_NETLINK, option, group); err != nil {
			return fmt.Errorf("netlink notifications of group %d: %w", group, err)
		}
	}
	return nil
}

// Read pokes events for whatever it is told, until Close. That notifications were
// lost is a reason to look, too.
func (w *watch) Read(events chan<- struct{}) error {
	for {
		_, _, err := w.Receive()
		switch {
		case w.closed.Load():
			return nil
		case err != nil && !errors.Is(err, unix.ENOBUFS):
			return fmt.Errorf("read netlink notifications: %w", err)
		}
		poke(events)
	}
}

// Close ends Read.
func (w *watch) Close() {
	if !w.closed.Swap(true) {
		w.NetlinkSocket.Close()
	}
}

// filter keeps notifications of the routes of others away from a socket: a router may
// have thousands of them in a second.
func filter(fd int) error {
	const (
		kind     = 4                       // offset of nlmsg_type
		protocol = unix.SizeofNlMsghdr + 5 // of rtm_protocol
	)
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: kind, Size: 2},
		bpf.JumpIf{Val: loaded(unix.RTM_NEWROUTE), SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: loaded(unix.RTM_DELROUTE), SkipTrue: 2},
		bpf.LoadAbsolute{Off: protocol, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: Protocol, SkipTrue: 1},
		bpf.RetConstant{Val: math.MaxUint32},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return err
	}
	var list []unix.SockFilter
	for _, i := range program {
		list = append(list, unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K})
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(list)), Filter: &list[0]})
}

// loaded is what a filter, which reads numbers as they go over a network, makes of one
// of this machine.
func loaded(kind uint16) uint32 {
	return uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, kind)))
}
