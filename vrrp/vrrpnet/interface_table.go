package vrrpnet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"

	"golang.org/x/sys/unix"
)

// interfaceTable follows the kernel's interfaces by its messages alone. It does no I/O.
type interfaceTable map[int]*interfaceEntry

type interfaceEntry struct {
	known  bool // else only addresses of it have been heard of yet
	shown  Interface
	v4, v6 addressList
	stale  bool // shown lacks changes of v4 and v6
}

// load takes in one message of a dump, in which addresses have the kernel's order.
func (t interfaceTable) load(kind uint16, payload []byte) error {
	if kind != unix.RTM_NEWADDR {
		_, err := t.apply(kind, payload)
		return err
	}
	a, err := parseInterfaceAddress(payload)
	if err != nil {
		return err
	}
	e := t.entry(a.index)
	e.list(a).append(a)
	e.stale = true
	return nil
}

// apply takes in a notification of a kind (RTM_...), and reports whether it may have
// changed what an Interface shows.
func (t interfaceTable) apply(kind uint16, payload []byte) (bool, error) {
	switch kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return t.applyLink(kind, payload)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return t.applyAddress(kind, payload)
	}
	return false, nil
}

func (t interfaceTable) applyLink(kind uint16, payload []byte) (bool, error) {
	l, whole, err := parseInterface(payload)
	if err != nil || !whole {
		return false, err
	}
	if kind == unix.RTM_DELLINK {
		_, was := t[l.Index]
		delete(t, l.Index)
		return was, nil
	}
	e := t.entry(l.Index)
	l.Addresses = e.shown.Addresses
	changed := !e.known || !l.equal(e.shown)
	e.known, e.shown = true, l
	return changed, nil
}

func (t interfaceTable) applyAddress(kind uint16, payload []byte) (bool, error) {
	a, err := parseInterfaceAddress(payload)
	if err != nil {
		return false, err
	}
	e := t.entry(a.index)
	change := e.list(a).put
	if kind == unix.RTM_DELADDR {
		change = e.list(a).remove
	}
	changed := change(a)
	e.stale = e.stale || changed
	return changed, nil
}

// list returns all interfaces by index. What it returns is not changed later.
func (t interfaceTable) list() []Interface {
	var all []Interface
	for _, e := range t {
		if e.known {
			all = append(all, e.show())
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Index < all[j].Index })
	return all
}

func (t interfaceTable) entry(index int) *interfaceEntry {
	e := t[index]
	if e == nil {
		e = &interfaceEntry{}
		t[index] = e
	}
	return e
}

func (e *interfaceEntry) list(a interfaceAddress) *addressList {
	if a.prefix.Addr().Is4() {
		return &e.v4
	}
	return &e.v6
}

func (e *interfaceEntry) show() Interface {
	if e.stale {
		all := make([]netip.Prefix, 0, len(e.v4.order)+len(e.v6.order))
		e.shown.Addresses = e.v6.appendUsable(e.v4.appendUsable(all))
		e.stale = false
	}
	return e.shown
}

// parseInterface reads the payload of RTM_NEWLINK or RTM_DELLINK. It is not whole if
// it tells of something else than the interface itself: that it left a bridge, or
// an event of a wireless one.
func parseInterface(b []byte) (l Interface, whole bool, err error) {
	if len(b) < unix.SizeofIfInfomsg {
		return Interface{}, false, fmt.Errorf("interface of %d bytes: %w", len(b), unix.EBADMSG)
	}
	const ready = unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOWER_UP
	l.Index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	l.Up = binary.NativeEndian.Uint32(b[8:])&ready == ready
	whole = b[0] == unix.AF_UNSPEC
	elsewhere := false
	err = eachAttribute(b[unix.SizeofIfInfomsg:], func(kind uint16, value []byte) {
		switch kind {
		case unix.IFLA_IFNAME:
			name, _, _ := bytes.Cut(value, []byte{0})
			l.Name = string(name)
		case unix.IFLA_MTU:
			l.MTU = int(uint32At(value))
		case unix.IFLA_ADDRESS:
			l.MAC = net.HardwareAddr(bytes.Clone(value))
		case unix.IFLA_LINK:
			l.Below = int(uint32At(value))
		case unix.IFLA_LINK_NETNSID:
			elsewhere = true
		case unix.IFLA_WIRELESS:
			whole = false
		}
	})
	if elsewhere || l.Below == l.Index {
		l.Below = 0
	}
	if err != nil {
		return Interface{}, false, fmt.Errorf("interface %d: %w", l.Index, err)
	}
	return l, whole, nil
}

// sameInterfaces reports whether two lists show the same.
func sameInterfaces(a, b []Interface) bool { return slices.EqualFunc(a, b, Interface.equal) }
