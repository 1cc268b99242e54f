package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

var (
	ownMAC   = lab.MAC{2, 0, 0, 0, 0, 0x51}
	otherMAC = lab.MAC{2, 0, 0, 0, 0, 0x52}
)

// onDevice is a router whose device has a name and a MAC of the operator's.
func onDevice(priority int, name string, mac lab.MAC) string {
	return router("four", 51, priority, "198.18.0.101/24", "virtual_mac = true", `virtual_mac_name = "`+name+`"`, `virtual_mac_address = "`+mac.String()+`"`)
}

// isFarewell tells of an advert over IPv4 with priority 0.
func (f frame) isFarewell() bool {
	const priority = 14 + 20 + 2
	return f.isAdvert() && f.data[priority] == 0
}

// says tells of ARP from an address, which so is behind a MAC.
func (f frame) says(address string, mac lab.MAC) bool {
	const sender = 14 + 8
	ip := netip.MustParseAddr(address).As4()
	return len(f.data) >= sender+10 && f.data[12] == 8 && f.data[13] == 6 &&
		bytes.Equal(f.data[sender:sender+6], mac[:]) && bytes.Equal(f.data[sender+6:sender+10], ip[:])
}

// Whatever becomes of the name and the MAC in the config, there is one device, and clients
// find the address behind it.
func TestRouterDeviceWithAName(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	a, b := s.nodes[0], s.nodes[1]
	before := sysctls(t, a.Host)
	is := func(name string, mac lab.MAC, gone ...string) {
		t.Helper()
		s.hasJust(a, "198.18.0.101", "")
		s.hasJust(b, "", "198.18.0.101")
		s.answeredFrom("198.18.0.101", mac)
		if !hasLink(t, a.Host, name) {
			t.Errorf("there is no %s", name)
		}
		for _, old := range gone {
			if hasLink(t, a.Host, old) {
				t.Errorf("there is %s beside %s", old, name)
			}
		}
	}
	a.write(onDevice(200, "web0", ownMAC))
	b.write(onDevice(100, "web0", ownMAC))
	frames := s.net.sniff(t, b.Host, func(f frame) bool { return f.from() == ownMAC })
	s.start(a)
	s.hasJust(a, "198.18.0.101", "")
	s.start(b)
	s.stateIs(b, "four", api.StateBackup, "")
	must(t, s.net.client.Do(askForGroups))
	must(t, b.Host.Do(func() error { return sendBy("web0", ownMAC) }))
	is("web0", ownMAC)
	if sent := frames.take(); len(sent) > 0 {
		t.Errorf("the backup sent %d frames with the virtual MAC", len(sent))
	}

	farewells := s.net.sniff(t, a.Host, func(f frame) bool { return f.from() == ownMAC && f.isFarewell() })
	farewell := func() {
		t.Helper()
		s.eventually("a farewell by the old device", func() bool { return len(farewells.take()) > 0 })
	}
	a.write(onDevice(200, "web1", ownMAC))
	a.reload()
	farewell()
	is("web1", ownMAC, "web0")

	a.write(onDevice(200, "web1", otherMAC))
	a.reload()
	farewell()
	is("web1", otherMAC)

	a.write(router("four", 51, 200, "198.18.0.101/24", "virtual_mac = true"))
	a.reload()
	is("vrrp.51", virtual4, "web1")

	must(t, a.Kill())
	a.write(router("four", 51, 200, "198.18.0.101/24", "virtual_mac = true", `virtual_mac_name = "web2"`))
	s.start(a)
	is("web2", virtual4, "vrrp.51")

	must(t, a.Kill())
	a.write(onDevice(200, "web0", ownMAC))
	s.start(a)
	is("web0", ownMAC, "web2")

	s.stop(a)
	if hasLink(t, a.Host, "web0") {
		t.Error("the device is left")
	}
	if list := differs(before, sysctls(t, a.Host)); len(list) > 0 {
		t.Errorf("sysctls: %q", list)
	}
	s.hasJust(b, "198.18.0.101", "")
	s.answeredFrom("198.18.0.101", ownMAC)
	s.eventually("the new master speaks with the virtual MAC", func() bool { return len(frames.take()) > 0 })
}

// Two routers change their names, and their MACs, by a reload and by a restart: each address
// is behind the MAC of its router in the end, whatever the device was before.
func TestRouterDevicesThatSwap(t *testing.T) {
	t.Parallel()
	for _, priority := range []int{200, 255} {
		t.Run(fmt.Sprintf("priority %d", priority), func(t *testing.T) {
			s := newSite(t, "lb1")
			n := s.nodes[0]
			write := func(name1 string, mac1 lab.MAC, name2 string, mac2 lab.MAC) (is func()) {
				t.Helper()
				device := func(vrid int, address, name string, mac lab.MAC) string {
					return router(fmt.Sprintf("of%d", vrid), vrid, priority, address+"/24", "virtual_mac = true", `virtual_mac_name = "`+name+`"`, `virtual_mac_address = "`+mac.String()+`"`)
				}
				n.write(device(51, "198.18.0.101", name1, mac1) + device(52, "198.18.0.102", name2, mac2))
				return func() {
					t.Helper()
					s.answeredFrom("198.18.0.101", mac1)
					s.answeredFrom("198.18.0.102", mac2)
					for name, mac := range map[string]lab.MAC{name1: mac1, name2: mac2} {
						on(t, n.Host, name, func(l netlink.Link) error {
							if got := l.Attrs().HardwareAddr.String(); got != mac.String() {
								t.Errorf("%s has %s, want %s", name, got, mac)
							}
							return nil
						})
					}
				}
			}
			is := write("web0", ownMAC, "web1", otherMAC)
			s.start(n)
			is()
			wrong := s.net.sniff(t, n.Host, func(f frame) bool {
				return f.says("198.18.0.101", otherMAC) || f.says("198.18.0.102", ownMAC)
			})
			is = write("web1", ownMAC, "web0", otherMAC)
			n.reload()
			is()
			if said := wrong.take(); len(said) > 0 {
				t.Errorf("said %d times that an address is behind the other MAC", len(said))
			}
			is = write("web1", otherMAC, "web0", ownMAC)
			n.reload()
			is()
			is = write("web0", ownMAC, "web1", otherMAC)
			must(t, n.Kill())
			s.start(n)
			is()
			is = write("web0", lab.MAC{2, 0, 0, 0, 0, 0x53}, "web1", ownMAC) // which the first had
			n.reload()
			is()
			s.stop(n)
			for _, name := range []string{"web0", "web1"} {
				if hasLink(t, n.Host, name) {
					t.Errorf("%s is left", name)
				}
			}
		})
	}
}

// An operator's own macvlan is not perch's for having the name and the MAC, and is not
// silent as a backup's.
func TestRouterDeviceOfTheOperator(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1")
	n := s.nodes[0]
	n.write(onDevice(100, "web0", ownMAC))
	add := func() {
		t.Helper()
		must(t, n.Host.Do(func() error {
			eth0, err := netlink.LinkByName("eth0")
			if err != nil {
				return err
			}
			attrs := netlink.NewLinkAttrs()
			attrs.Name, attrs.ParentIndex, attrs.HardwareAddr = "web0", eth0.Attrs().Index, net.HardwareAddr(ownMAC[:])
			return netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE})
		}))
	}
	left := func() {
		t.Helper()
		s.stateIs(n, "four", api.StateFault, "02:00:00:00:00:51 is the MAC of web0 itself, which perch did not make")
		s.never("it takes the address", time.Second, func() bool { return n.has("198.18.0.101") })
		on(t, n.Host, "web0", netlink.LinkSetUp)
		frames := s.net.sniff(t, n.Host, func(f frame) bool { return f.from() == ownMAC })
		s.eventually("what is from web0 leaves", func() bool {
			must(t, n.Host.Do(func() error { return sendBy("web0", ownMAC) }))
			return len(frames.take()) > 0
		})
		s.stop(n)
		on(t, n.Host, "web0", netlink.LinkDel) // which is there
	}
	add()
	s.start(n)
	left()

	s.start(n)
	s.hasJust(n, "198.18.0.101", "")
	must(t, n.Kill())
	on(t, n.Host, "web0", netlink.LinkDel)
	add()
	s.start(n)
	left()
}
