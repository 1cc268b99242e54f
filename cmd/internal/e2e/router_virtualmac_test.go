package e2e

import (
	bin "encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

var (
	virtual4 = lab.MAC{0, 0, 0x5e, 0, 1, 51}
	virtual6 = lab.MAC{0, 0, 0x5e, 0, 2, 51}
)

// withVirtualMACs is one router of each family, each on a device of its own.
func withVirtualMACs(priority int, lines ...string) string {
	lines = append(lines, "virtual_mac = true")
	return router("four", 51, priority, "198.18.0.101/24", lines...) +
		router("six", 51, priority, "2001:db8::101/64", lines...)
}

// sniffVirtual keeps what a node sends with a virtual MAC.
func (s *site) sniffVirtual(n *station) *sniffer {
	s.t.Helper()
	return s.net.sniff(s.t, n.Host, func(f frame) bool { return f.from() == virtual4 || f.from() == virtual6 })
}

// framesByKind counts frames by what they are.
func framesByKind(frames []frame) map[string]int {
	counts := map[string]int{}
	for _, f := range frames {
		counts[f.kind()]++
	}
	return counts
}

func (f frame) kind() string {
	mac := map[lab.MAC]string{virtual4: "four", virtual6: "six"}[f.from()]
	switch kind := bin.BigEndian.Uint16(f.data[12:]); {
	case kind == unix.ETH_P_ARP:
		return mac + " ARP"
	case kind == unix.ETH_P_IP && f.data[14+9] == protocolVRRP, kind == unix.ETH_P_IPV6 && f.data[14+6] == protocolVRRP:
		return mac + " advert"
	case kind == unix.ETH_P_IPV6 && f.data[14+6] == unix.IPPROTO_ICMPV6:
		return fmt.Sprintf("%s ICMPv6 %d", mac, f.data[14+40])
	default:
		return fmt.Sprintf("%s %#x", mac, kind)
	}
}

// provoke does what makes a kernel talk: it asks for the node's addresses, asks for its
// multicast groups, and sends by its devices from above and by force.
func (s *site) provoke(n *station) {
	s.t.Helper()
	for _, addr := range []string{"198.18.0.101", "2001:db8::101", n.Host.Eth0.IPv4.Addr().String(), n.Host.Eth0.IPv6.Addr().String()} {
		s.answering(addr)
	}
	must(s.t, s.net.client.Do(askForGroups))
	must(s.t, n.Host.Do(func() error {
		for device, mac := range map[string]lab.MAC{"vrrp.51": virtual4, "vrrp6.51": virtual6} {
			if _, err := net.InterfaceByName(device); err != nil {
				continue
			}
			if err := sendBy(device, mac); err != nil {
				return fmt.Errorf("send by %s: %w", device, err)
			}
		}
		return nil
	}))
}

// askForGroups sends a general query of MLDv2 (RFC 3810 section 5.1) that is to be
// answered at once.
func askForGroups() error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	eth0, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	query := make([]byte, 28)
	query[0], query[5] = 130, 1 // in 1 ms
	all := netip.MustParseAddr("ff02::1").As16()
	return unix.Sendto(fd, query, 0, &unix.SockaddrInet6{Addr: all, ZoneId: uint32(eth0.Index)})
}

// sendBy sends a datagram and a raw ARP frame by a device.
func sendBy(device string, mac lab.MAC) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
		return err
	}
	if err := unix.BindToDevice(fd, device); err != nil {
		return err
	}
	// It may have no address to send from.
	_ = unix.Sendto(fd, []byte("hello"), 0, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{255, 255, 255, 255}})
	raw, err := packetSocket(device)
	if err != nil {
		return err
	}
	defer unix.Close(raw)
	frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac[:]...)
	frame = append(frame, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	frame = append(append(frame, mac[:]...), 198, 18, 0, 101, 0, 0, 0, 0, 0, 0, 198, 18, 0, 101)
	_, err = unix.Write(raw, frame)
	if err == unix.ENOBUFS { // dropped on its way, as it should be
		return nil
	}
	return err
}

// silent wants the node to send nothing with a virtual MAC, whatever it is asked.
func (s *site) silent(n *station, frames *sniffer) {
	s.t.Helper()
	frames.take()
	s.provoke(n)
	s.provoke(n)
	if sent := framesByKind(frames.take()); len(sent) > 0 {
		s.t.Errorf("%s sends with a virtual MAC as a backup: %v", n.Name, sent)
	}
}

// A virtual MAC is the master's alone: a switch must not learn it from a backup.
func TestRouterVirtualMACIsTheMasters(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	a, b := s.nodes[0], s.nodes[1]
	const unhurried = `advert_interval = "500ms"` // a busy master is not taken for dead
	a.write(withVirtualMACs(200, unhurried))
	b.write(withVirtualMACs(100, unhurried))
	s.hasLinkLocal(a)
	s.hasLinkLocal(b)
	s.start(a)
	const both = "198.18.0.101 2001:db8::101"
	s.hasJust(a, both, "")
	frames := s.sniffVirtual(b) // from its very start
	s.start(b)
	s.stateIs(b, "four", api.StateBackup, "")
	s.stateIs(b, "six", api.StateBackup, "")
	s.provoke(b)
	if sent := framesByKind(frames.take()); len(sent) > 0 {
		t.Errorf("%s sent with a virtual MAC as it began as a backup: %v", b.Name, sent)
	}
	s.silent(b, frames)

	s.stop(a)
	s.hasJust(b, both, "")
	s.answeredFrom("198.18.0.101", virtual4)
	s.answeredFrom("2001:db8::101", virtual6)
	s.answeredBy(b.Host.Eth0.IPv4.Addr().String(), b) // its own address stays behind its own MAC
	sent := map[string]int{}
	s.eventually("adverts and announcements with both virtual MACs", func() bool {
		for kind, n := range framesByKind(frames.take()) {
			sent[kind] += n
		}
		return sent["four advert"] > 3 && sent["six advert"] > 3 && sent["four ARP"] > 1 && sent["six ICMPv6 136"] > 1
	})
	t.Logf("%s sent as the master: %v", b.Name, sent)

	s.start(a)
	s.hasJust(a, both, "")
	s.hasJust(b, "", both)
	s.silent(b, frames)

	// Nor does a dead master use it for longer than its lease.
	frames = s.sniffVirtual(a)
	must(t, a.Kill())
	s.hasJust(b, both, "")
	s.silent(a, frames)
	s.answeredFrom("198.18.0.101", virtual4)
}

// A device on a macvlan is made on the interface below that, by which what it says leaves.
func TestRouterVirtualMACOnMacvlan(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	a, b := s.nodes[0], s.nodes[1]
	on(t, b.Host, "eth0", func(eth0 netlink.Link) error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.ParentIndex = "mv0", eth0.Attrs().Index
		mv0 := &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
		own := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(198, 18, 0, 77), Mask: net.CIDRMask(24, 32)}}
		return errors.Join(netlink.LinkAdd(mv0), netlink.AddrAdd(mv0, own), netlink.LinkSetUp(mv0))
	})
	a.write(router("four", 51, 200, "198.18.0.101/24", "virtual_mac = true"))
	b.write(router("four", 51, 100, "198.18.0.101/24", "virtual_mac = true", `interface = "mv0"`))
	s.start(a)
	s.hasJust(a, "198.18.0.101", "")
	frames := s.sniffVirtual(b)
	s.start(b)
	s.stateIs(b, "four", api.StateBackup, "")
	s.silent(b, frames)
	s.stop(a)
	s.hasJust(b, "198.18.0.101", "")
	s.eventually("adverts with the virtual MAC", func() bool { return framesByKind(frames.take())["four advert"] > 0 })
}

// sysctls returns those of the network that devices might change, by path.
func sysctls(t *testing.T, h *lab.Host) map[string]string {
	t.Helper()
	values := map[string]string{}
	must(t, h.Do(func() error {
		for _, family := range []string{"ipv4", "ipv6"} {
			for _, of := range []string{"all", "default", "eth0", "lo"} {
				dir := filepath.Join("/proc/sys/net", family, "conf", of)
				err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					if value, err := os.ReadFile(path); err == nil { // some cannot be read at all
						values[path] = strings.TrimSpace(string(value))
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	}))
	return values
}

// differs returns the sysctls that are not as before.
func differs(before, now map[string]string) (list []string) {
	for path, was := range before {
		if now[path] != was {
			list = append(list, fmt.Sprintf("%s is %s, was %s", path, now[path], was))
		}
	}
	return list
}

// What perch changes for its devices is as it was when it ends, also after it was killed
// in between.
func TestRouterVirtualMACPutsSysctlsBack(t *testing.T) {
	for name, preset := range map[string]map[string]string{
		"as they come": nil,
		"rp_filter":    {"all/rp_filter": "1", "eth0/rp_filter": "2", "eth0/arp_ignore": "2", "default/rp_filter": "1"},
		"arp_ignore":   {"all/arp_ignore": "1", "all/arp_filter": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "lb1")
			n := s.nodes[0]
			must(t, n.Host.Do(func() error {
				for path, value := range preset {
					if err := os.WriteFile(filepath.Join("/proc/sys/net/ipv4/conf", path), []byte(value), 0); err != nil {
						return err
					}
				}
				return nil
			}))
			s.hasLinkLocal(n)
			before := sysctls(t, n.Host)
			asBefore := func(when string) {
				t.Helper()
				if list := differs(before, sysctls(t, n.Host)); len(list) > 0 {
					t.Errorf("%s: %q", when, list)
				}
				for _, device := range []string{"vrrp.51", "vrrp6.51"} {
					if hasLink(t, n.Host, device) {
						t.Errorf("%s: there is %s", when, device)
					}
				}
			}
			n.write(withVirtualMACs(100))
			up := func() {
				t.Helper()
				s.start(n)
				s.hasJust(n, "198.18.0.101 2001:db8::101", "")
				if maps.Equal(before, sysctls(t, n.Host)) {
					t.Error("no sysctl has changed, there is nothing to put back")
				}
			}
			up()
			s.stop(n)
			asBefore("after a stop")

			up()
			must(t, n.Kill())
			up()
			s.stop(n)
			asBefore("after SIGKILL, a start and a stop")

			up()
			must(t, n.Kill())
			n.write(router("four", 51, 100, "198.18.0.101/24"))
			s.start(n)
			s.hasJust(n, "198.18.0.101", "2001:db8::101")
			asBefore("after SIGKILL and a start without virtual MACs")
			n.write(withVirtualMACs(100))
			n.reload()
			s.hasJust(n, "198.18.0.101 2001:db8::101", "")
			s.answeredFrom("198.18.0.101", virtual4)
			n.write(router("four", 51, 100, "198.18.0.101/24"))
			n.reload()
			s.hasJust(n, "198.18.0.101", "2001:db8::101")
			s.eventually("it answers with its own MAC", func() bool { return !hasLink(t, n.Host, "vrrp.51") })
			s.answeredBy("198.18.0.101", n)
			asBefore("after reloads")
			s.stop(n)
			asBefore("in the end")
		})
	}
}
