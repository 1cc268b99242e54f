package keepalived

import (
	"net/netip"
	"strconv"
)

// peer reads the other end of a point-to-point link.
func (w *words) peer() netip.Addr {
	text := w.value()
	if w.bad {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		w.wrong("peer " + quoted(text) + " must be an IP address without a prefix length")
	}
	return a
}

// lifetime reads for how long an address is preferred: forever, or a number of seconds.
func (w *words) lifetime() string {
	text := w.value()
	if text == "forever" || w.bad {
		return text
	}
	if _, err := strconv.ParseUint(text, 10, 32); err != nil {
		w.wrong("preferred_lft " + quoted(text) + " must be forever, or seconds from 0 to 4294967295")
	}
	return text
}

// settle makes of an address what keepalived and the kernel make of it.
func (w *words) settle(a *address) {
	ipv4, whole := a.prefix.Addr().Is4(), a.prefix.Addr().BitLen()
	switch {
	case !a.peer.IsValid():
	case a.peer.Is4() != ipv4:
		w.wrong("peer " + a.peer.String() + " is not of the family of the address")
	case a.prefix.Bits() != whole:
		w.im.remark(w.s, "with a peer it has the prefix length "+strconv.Itoa(whole)+", for keepalived too")
		a.prefix = netip.PrefixFrom(a.prefix.Addr(), whole)
	}
	if ipv4 {
		w.settleIPv4(a)
		return
	}
	if a.mngTmpAddr && a.prefix.Bits() != 64 {
		w.im.remark(w.s, "the kernel takes mngtmpaddr with the prefix length 64 only, so that keepalived is master without the address: here it is without mngtmpaddr")
		a.mngTmpAddr = false
	}
	switch a.lifetime {
	case "0":
	case "":
		a.preferred = a.prefix.Bits() != whole
	case "forever":
		a.preferred = true
	default:
		w.im.remark(w.s, "keepalived has it preferred for "+a.lifetime+" s, and deprecated from then on; here it stays preferred")
		a.preferred = true
	}
}

// settleIPv4 takes out what the kernel does not heed of IPv4 addresses.
func (w *words) settleIPv4(a *address) {
	for _, word := range []struct {
		is   bool
		name string
	}{{a.home, "home"}, {a.mngTmpAddr, "mngtmpaddr"}, {a.lifetime != "" && a.lifetime != "forever", "preferred_lft"}} {
		if word.is {
			w.im.remark(w.s, word.name+" does nothing over IPv4, there as here")
		}
	}
	a.home, a.mngTmpAddr, a.lifetime = false, false, ""
}
