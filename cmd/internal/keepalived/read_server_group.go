package keepalived

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// mostAddresses bounds what the lines of a virtual_server_group stand for together.
const mostAddresses = 65536

// mostWritten bounds the addresses of all groups together, which are written once for each
// virtual server that has them.
const mostWritten = 4 * mostAddresses

// readAddressGroup reads a virtual_server_group.
func readAddressGroup(im *importer, s *syntax.Statement, _ *importer) {
	name, ok := im.one(s)
	if !ok {
		return
	}
	g := &addressGroup{by: s, name: name}
	count := 0
	for _, line := range im.block(s) {
		e, err := parseEntry(line.Words)
		if err == nil && e.mark == 0 {
			count += e.count()
			if count > mostAddresses {
				err = fmt.Errorf("there are more than %d addresses in the group, which is all that perch takes", mostAddresses)
			}
		}
		if err != nil {
			im.mistake(line, s.Keyword()+" "+name+": "+err.Error())
			continue
		}
		e.by = line
		g.entries = append(g.entries, e)
	}
	if s.Braces && len(s.Block) == 0 {
		im.wrong(s, "has no addresses")
	}
	im.addGroup(g)
}

func (im *importer) addGroup(g *addressGroup) {
	b := &im.balancing
	if first, again := b.named[g.name]; again {
		im.wrong(g.by, fmt.Sprintf("there is a group %s on line %d already, which is the one that counts", g.name, first.by.Line))
		return
	}
	b.named[g.name] = g
	b.groups = append(b.groups, g)
}

// parseEntry reads ADDRESS [PORT], as 10.0.0.1, 10.0.0.1-20 or 10.0.0.0/24, or fwmark N [inet|inet6].
func parseEntry(words []string) (e groupEntry, err error) {
	if words[0] == "fwmark" {
		return parseMark(words[1:])
	}
	switch len(words) {
	case 1:
	case 2:
		port, err := strconv.ParseUint(words[1], 10, 16)
		if err != nil {
			return e, fmt.Errorf("port %q must be a number from 0 to 65535", words[1])
		}
		e.port = uint16(port)
	default:
		return e, fmt.Errorf("%q is one value too many", words[2])
	}
	e.first, e.last, err = parseAddresses(words[0])
	return e, err
}

func parseMark(args []string) (e groupEntry, err error) {
	if len(args) == 0 || len(args) > 2 {
		return e, errors.New("must be fwmark and a number, with inet or inet6 behind it or without")
	}
	mark, err := strconv.ParseUint(args[0], 0, 32)
	if err != nil || mark == 0 {
		return e, fmt.Errorf("fwmark %q must be a number from 1 to 4294967295", args[0])
	}
	e.mark = int(mark)
	if len(args) == 2 {
		if e.family = args[1]; e.family != "inet" && e.family != "inet6" {
			return e, fmt.Errorf("%q must be inet or inet6", args[1])
		}
	}
	return e, nil
}

// parseAddresses reads one address, a range or a network.
func parseAddresses(text string) (first, last netip.Addr, err error) {
	if from, to, ok := strings.Cut(text, "-"); ok {
		return parseRange(text, from, to)
	}
	if !strings.Contains(text, "/") {
		first, err = netip.ParseAddr(text)
		if err != nil || first.Zone() != "" {
			return first, first, fmt.Errorf("%q is no IP address", text)
		}
		return first, first, nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return first, last, fmt.Errorf("%q is no network", text)
	case p != p.Masked():
		return first, last, fmt.Errorf("%q has bits set beyond its prefix length", text)
	case p.Addr().BitLen()-p.Bits() > 16:
		return first, last, fmt.Errorf("%q has more than %d addresses, which is all that perch takes", text, mostAddresses)
	}
	bytes := p.Addr().AsSlice()
	low := bytes[len(bytes)-2:]
	binary.BigEndian.PutUint16(low, binary.BigEndian.Uint16(low)|uint16(1<<(p.Addr().BitLen()-p.Bits())-1))
	last, _ = netip.AddrFromSlice(bytes)
	return p.Addr(), last, nil
}

// parseRange reads 10.0.0.1-20, 2001:db8::1-1f or the whole last address. The last part alone
// differs.
func parseRange(text, from, to string) (first, last netip.Addr, err error) {
	first, err = netip.ParseAddr(from)
	if err != nil || first.Zone() != "" {
		return first, last, fmt.Errorf("%q is no range of IP addresses", text)
	}
	if last, err = netip.ParseAddr(to); err != nil {
		last, err = withLastPart(first, to)
	}
	switch {
	case err != nil:
		return first, last, fmt.Errorf("%q is no range of IP addresses: it ends with %q", text, to)
	case last.BitLen() != first.BitLen() || last.Less(first):
		return first, last, fmt.Errorf("%q ends before it begins", text)
	case distance(first, last) < 0:
		return first, last, fmt.Errorf("%q differs in more than its last part", text)
	}
	return first, last, nil
}

// withLastPart replaces the last part of an address, the number behind the last dot or colon.
func withLastPart(a netip.Addr, part string) (netip.Addr, error) {
	bytes := a.AsSlice()
	if a.Is4() {
		n, err := strconv.ParseUint(part, 10, 8)
		bytes[3] = byte(n)
		return netip.AddrFrom4([4]byte(bytes)), err
	}
	n, err := strconv.ParseUint(part, 16, 16)
	binary.BigEndian.PutUint16(bytes[14:], uint16(n))
	return netip.AddrFrom16([16]byte(bytes)), err
}

// distance returns how far behind the first the last is, or -1 if they differ in more than
// their last 16 bits.
func distance(first, last netip.Addr) int {
	a, b := first.AsSlice(), last.AsSlice()
	n := len(a) - 2
	if string(a[:n]) != string(b[:n]) {
		return -1
	}
	return int(binary.BigEndian.Uint16(b[n:])) - int(binary.BigEndian.Uint16(a[n:]))
}

// addresses returns how many the lines of a group stand for together.
func (g *addressGroup) addresses() (n int) {
	for i := range g.entries {
		if e := &g.entries[i]; e.mark == 0 {
			n += e.count()
		}
	}
	return n
}

func (e *groupEntry) count() int { return distance(e.first, e.last) + 1 }
