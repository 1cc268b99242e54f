package keepalived

import (
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

func readAddresses(im *importer, s *syntax.Statement, i *instance) {
	for _, line := range im.block(s) {
		a, ok := im.address(line)
		switch {
		case !ok:
		case i.nativeIPv6 && a.prefix.Addr().Is4():
			im.wrong(line, "is of IPv4, and keepalived leaves it out for native_ipv6; must be in virtual_ipaddress_excluded, or without native_ipv6")
		case len(i.addresses) > 0 && a.prefix.Addr().Is6() != i.ipv6():
			im.wrong(line, "is not of the family of the first address; must be in virtual_ipaddress_excluded, or in a vrrp_instance of its own")
		default:
			i.addresses = append(i.addresses, a)
		}
	}
}

func readExcluded(im *importer, s *syntax.Statement, i *instance) {
	for _, line := range im.block(s) {
		if a, ok := im.address(line); ok {
			own := i.own()
			own.excluded = append(own.excluded, a)
		}
	}
}

// dropRepeated takes out addresses that were given before, on the same interface.
func (im *importer) dropRepeated(i *instance) {
	seen := make(map[heldAddress]bool, len(i.addresses)+len(i.excluded))
	once := func(list []address) []address {
		return slices.DeleteFunc(list, func(a address) bool {
			key := heldAddress{a.prefix.Addr(), a.dev}
			if seen[key] {
				im.remark(a.by, "was given before: an interface has an address once, and this line does nothing")
			}
			was := seen[key]
			seen[key] = true
			return was
		})
	}
	i.addresses = once(i.addresses)
	if i.owned {
		i.excluded = once(i.excluded)
	}
}

type heldAddress struct {
	address netip.Addr
	dev     string
}

func readStaticAddresses(im *importer, s *syntax.Statement, _ *importer) {
	for _, line := range im.block(s) {
		if a, ok := im.address(line); ok {
			im.routing.staticAddresses = append(im.routing.staticAddresses, a)
		}
	}
}

// address reads ADDRESS[/LENGTH] with what may stand before and behind it.
func (im *importer) address(s *syntax.Statement) (a address, ok bool) {
	a.by = s
	edge := ""
	w := newWords(im, s)
	for w.more() {
		switch word := w.next(); word {
		case "dev":
			w.once(a.dev)
			a.dev = w.value()
		case "label":
			w.once(a.label)
			a.label = w.value()
		case "scope":
			a.scope = w.scope()
		case "brd", "broadcast":
			switch text := w.value(); text {
			case "+", "-":
				edge = text
			case "":
			default:
				a.broadcast = w.address(text)
			}
		case "noprefixroute":
			a.bare = true
		case "no_track":
			a.noTrack = true
		case "-nodad":
		case "preferred_lft":
			a.lifetime = w.lifetime()
		case "track_group":
			w.trackGroup("address")
		case "use_vmac":
			im.lose(s, "gives the address by use_vmac a virtual MAC on its interface", "with perch it has the MAC of the interface")
		case "peer":
			a.peer = w.peer()
		case "home":
			a.home = true
		case "mngtmpaddr":
			a.mngTmpAddr = true
		case "autojoin":
			im.lose(s, "is master without the address, since the kernel takes autojoin for multicast groups only", "perch has the address, and no multicast groups")
		default:
			before := a.prefix.IsValid()
			a.prefix = w.network(word)
			w.alone(before, word)
		}
	}
	if w.good() && !a.prefix.IsValid() {
		w.wrong("has no address")
	}
	if w.good() {
		w.settle(&a)
	}
	switch {
	case !w.good() || a.prefix.Addr().Is6():
	case edge == "+":
		a.broadcast = lastAddress(a.prefix)
	case edge == "-":
		a.broadcast = a.prefix.Masked().Addr()
	}
	if w.good() && a.label != "" && a.prefix.Addr().Is6() {
		w.wrong("IPv6 addresses have no label")
	}
	return a, w.good()
}

// scope reads the scope of an address or a route.
func (w *words) scope() string {
	switch text := w.value(); text {
	case "global", "universe", "0":
		return "global"
	case "site", "200":
		return "site"
	case "link", "253":
		return "link"
	case "host", "254":
		return "host"
	default:
		w.wrong("scope " + quoted(text) + " must be global, site, link or host")
		return ""
	}
}

// lastAddress returns the broadcast address of an IPv4 network.
func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}
