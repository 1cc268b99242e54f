package vrrpnet

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// deviceLab is a lab with a state file.
type deviceLab struct {
	*linkLab
	file string
}

func newDeviceLab(t *testing.T) *deviceLab {
	t.Helper()
	return &deviceLab{newLinkLab(t), filepath.Join(t.TempDir(), "devices.json")}
}

// devices is a new run of perch.
func (l *deviceLab) devices() *Devices { return NewDevices(l.file, quiet()) }

func (l *deviceLab) remembers() bool {
	_, err := os.Stat(l.file)
	return err == nil
}

// parentSysctls compares arp_ignore and arp_filter of eth0, and rp_filter of all.
func (l *deviceLab) parentSysctls(ignore, filter, reverse string) {
	l.t.Helper()
	l.has("net/ipv4/conf/eth0/arp_ignore", ignore)
	l.has("net/ipv4/conf/eth0/arp_filter", filter)
	l.has("net/ipv4/conf/all/rp_filter", reverse)
}

func device4(vrid uint8, name string) Device { return Device{Name: name, Parent: "eth0", VRID: vrid} }

func device6(vrid uint8, name string) Device {
	return Device{Name: name, Parent: "eth0", VRID: vrid, IPv6: true}
}

func TestVirtualMAC(t *testing.T) {
	if got := VirtualMAC4(51).String(); got != "00:00:5e:00:01:33" {
		t.Errorf("IPv4: %s", got)
	}
	if got := VirtualMAC6(255).String(); got != "00:00:5e:00:02:ff" {
		t.Errorf("IPv6: %s", got)
	}
}

func TestLinkLocalFollowsFromMAC(t *testing.T) {
	mac := net.HardwareAddr{0x52, 0x54, 0, 1, 2, 3}
	if got := linkLocal(mac, 51).String(); got != "fe80::5054:5e:3301:203" {
		t.Errorf("%s", got)
	}
	if linkLocal(mac, 51) == linkLocal(mac, 52) {
		t.Error("two virtual routers have one address")
	}
}

func TestDeviceOpenAndClose(t *testing.T) {
	l := newDeviceLab(t)
	l.set(sysctl{"ipv4", "all", "rp_filter"}, "1")
	l.must(l.here.LinkSetMTU(l.link("eth0"), 1400))
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	link, ok := l.link("vrrp.51").(*netlink.Macvlan)
	if !ok || link.Mode != netlink.MACVLAN_MODE_PRIVATE {
		t.Fatalf("made %+v", link)
	}
	a := link.Attrs()
	if a.HardwareAddr.String() != "00:00:5e:00:01:33" || a.ParentIndex != l.link("eth0").Attrs().Index || a.MTU != 1400 || a.RawFlags&unix.IFF_UP == 0 {
		t.Errorf("made %+v", a)
	}
	l.parentSysctls("1", "1", "0")
	l.has("net/ipv4/conf/vrrp.51/arp_ignore", "1")
	l.has("net/ipv4/conf/vrrp.51/accept_local", "1")
	l.has("net/ipv4/conf/vrrp.51/rp_filter", "0")
	l.has("net/ipv6/conf/vrrp.51/disable_ipv6", "1")
	l.must(d.Close("vrrp.51"))
	l.parentSysctls("0", "0", "1")
	if l.exists("vrrp.51") || l.remembers() {
		t.Error("something is left")
	}
	l.must(d.Close("vrrp.51"))
}

func TestDeviceKeepsFilterOfOthers(t *testing.T) {
	l := newDeviceLab(t)
	l.addVeth("eth1", "peer1")
	l.set(sysctl{"ipv4", "eth1", "rp_filter"}, "2")
	l.set(sysctl{"ipv4", "all", "rp_filter"}, "1")
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	l.must(d.Open(device4(52, "vrrp.52")))
	l.has("net/ipv4/conf/eth0/rp_filter", "1")
	l.has("net/ipv4/conf/eth1/rp_filter", "2")
	l.has("net/ipv4/conf/default/rp_filter", "1")
	l.has("net/ipv4/conf/vrrp.51/rp_filter", "0")
	l.has("net/ipv4/conf/vrrp.52/rp_filter", "0")
	l.must(d.Close("vrrp.51"))
	l.must(d.Close("vrrp.52"))
	l.has("net/ipv4/conf/eth0/rp_filter", "0")
	l.has("net/ipv4/conf/eth1/rp_filter", "2")
	l.has("net/ipv4/conf/default/rp_filter", "0")
	l.has("net/ipv4/conf/all/rp_filter", "1")
}

func TestDeviceFilterTurnedOnInBetween(t *testing.T) {
	l := newDeviceLab(t)
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	for _, strictness := range []string{"1", "2"} {
		l.set(sysctl{"ipv4", "all", "rp_filter"}, strictness)
		l.must(d.Open(device4(52, "vrrp.52")))
		l.has("net/ipv4/conf/vrrp.51/rp_filter", "0")
		l.has("net/ipv4/conf/all/rp_filter", "0")
		l.has("net/ipv4/conf/eth0/rp_filter", strictness)
	}
	seen := make(map[sysctl]bool)
	for _, c := range d.state.Sysctls {
		if seen[c.sysctl] {
			t.Errorf("%s is remembered twice", c)
		}
		seen[c.sysctl] = true
	}
	l.must(d.Close("vrrp.51"))
	l.must(d.Close("vrrp.52"))
	l.has("net/ipv4/conf/all/rp_filter", "2")
}

func TestDevicesShareParent(t *testing.T) {
	l := newDeviceLab(t)
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	l.must(d.Open(device4(52, "vrrp.52")))
	l.must(d.Open(device6(51, "vrrp6.51")))
	l.must(d.Close("vrrp.51"))
	l.parentSysctls("1", "1", "0")
	l.must(d.Close("vrrp.52"))
	l.parentSysctls("0", "0", "0")
	l.has("net/ipv4/conf/vrrp6.51/arp_ignore", "8")
	if !l.exists("vrrp6.51") {
		t.Error("another device has gone, too")
	}
	l.must(d.Close("vrrp6.51"))
}

func TestDeviceLeavesSysctlsOfOthersAlone(t *testing.T) {
	l := newDeviceLab(t)
	l.set(sysctl{"ipv4", "eth0", "arp_ignore"}, "2")
	l.set(sysctl{"ipv4", "all", "rp_filter"}, "1")
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	l.parentSysctls("2", "1", "0")
	l.set(sysctl{"ipv4", "eth0", "arp_filter"}, "0")
	l.set(sysctl{"ipv4", "all", "rp_filter"}, "2")
	l.must(d.Close("vrrp.51"))
	l.parentSysctls("2", "0", "2")
}

func TestDeviceOpenAgainRepairs(t *testing.T) {
	l := newDeviceLab(t)
	d := l.devices()
	l.must(d.Open(device6(51, "vrrp.51")))
	l.must(l.here.LinkSetMTU(l.link("eth0"), 9000))
	l.must(l.here.LinkSetDown(l.link("vrrp.51")))
	l.must(d.Open(device6(51, "vrrp.51")))
	if a := l.link("vrrp.51").Attrs(); a.MTU != 9000 || a.RawFlags&unix.IFF_UP == 0 {
		t.Errorf("after: %+v", a)
	}
	l.linkLocals("vrrp.51", linkLocal(l.link("eth0").Attrs().HardwareAddr, 51))
}

func TestDeviceOnParentThatIsDown(t *testing.T) {
	l := newDeviceLab(t)
	l.must(l.here.LinkSetDown(l.link("eth0")))
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	l.must(l.here.LinkSetUp(l.link("eth0")))
	l.eventually("vrrp.51 runs", func() bool { return l.link("vrrp.51").Attrs().RawFlags&unix.IFF_RUNNING != 0 })
}

func TestDeviceComesBackAfterParent(t *testing.T) {
	l := newDeviceLab(t)
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	l.must(l.here.LinkDel(l.link("eth0")))
	if err := d.Open(device4(51, "vrrp.51")); err == nil || !strings.Contains(err.Error(), "interface eth0") {
		t.Errorf("without its parent: %v", err)
	}
	l.addVeth("eth0", "peer0")
	l.must(d.Open(device4(51, "vrrp.51")))
	l.parentSysctls("1", "1", "0")
	l.must(d.Close("vrrp.51"))
	l.parentSysctls("0", "0", "0")
}

func TestDeviceNewParentIsNotPutBack(t *testing.T) {
	l := newDeviceLab(t)
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	l.must(l.here.LinkDel(l.link("eth0")))
	l.addVeth("eth0", "peer0")
	l.set(sysctl{"ipv4", "eth0", "arp_ignore"}, "1") // as it is there from the start
	l.must(d.Open(device4(51, "vrrp.51")))
	l.must(d.Close("vrrp.51"))
	l.parentSysctls("1", "0", "0")
}

func TestDeviceAfterCrash(t *testing.T) {
	l := newDeviceLab(t)
	l.set(sysctl{"ipv4", "all", "rp_filter"}, "1")
	l.must(l.devices().Open(device4(51, "vrrp.51")))
	index := l.link("vrrp.51").Attrs().Index

	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	if got := l.link("vrrp.51").Attrs().Index; got != index {
		t.Error("made anew instead of adopted")
	}
	l.must(d.Sweep())
	l.parentSysctls("1", "1", "0")
	l.must(d.Close("vrrp.51"))
	l.parentSysctls("0", "0", "1")
	if l.remembers() {
		t.Error("state file is left")
	}
}

func TestDeviceAdoptedWithoutStateFile(t *testing.T) {
	l := newDeviceLab(t)
	l.file = ""
	l.must(l.devices().Open(device4(51, "vrrp.51")))
	index := l.link("vrrp.51").Attrs().Index
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	if got := l.link("vrrp.51").Attrs().Index; got != index {
		t.Error("made anew instead of adopted")
	}
	l.must(d.Close("vrrp.51"))
	if l.exists("vrrp.51") {
		t.Error("still there")
	}
	l.must(d.Open(device4(51, "vrrp.51")))
	l.macvlan("mine", "eth0", VirtualMAC4(52))
	l.must(l.devices().Sweep()) // the config has it no more
	if l.exists("vrrp.51") || !l.exists("mine") {
		t.Error("left, or an operator's is gone")
	}
}

func TestDeviceThatHasChanged(t *testing.T) {
	l := newDeviceLab(t)
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp")))
	l.must(d.Open(device4(52, "vrrp")))
	if got := l.link("vrrp").Attrs().HardwareAddr; !bytes.Equal(got, VirtualMAC4(52)) {
		t.Errorf("vrrp has %s", got)
	}
	if err := d.Open(Device{Name: "vrrp", Parent: "eth9", VRID: 52}); err == nil {
		t.Error("made on nothing")
	}
	l.parentSysctls("0", "0", "0")
	if l.exists("vrrp") || l.remembers() {
		t.Error("something is left")
	}
}

func TestDeviceSweep(t *testing.T) {
	l := newDeviceLab(t)
	first := l.devices()
	l.must(first.Open(device4(51, "vrrp.51")))
	l.must(first.Open(device4(52, "vrrp.52")))

	d := l.devices()
	l.must(d.Open(device6(52, "vrrp.52"))) // something else by now
	if got := l.link("vrrp.52").Attrs().HardwareAddr; !bytes.Equal(got, VirtualMAC6(52)) {
		t.Errorf("vrrp.52 has %s", got)
	}
	l.must(d.Sweep())
	if l.exists("vrrp.51") || !l.exists("vrrp.52") {
		t.Error("swept the wrong ones")
	}
	l.parentSysctls("0", "0", "0")
}

func TestDeviceStateFileOfNoUse(t *testing.T) {
	l := newDeviceLab(t)
	l.must(l.devices().Open(device4(51, "vrrp.51")))
	whole, err := os.ReadFile(l.file)
	l.must(err)
	boot, err := bootID()
	l.must(err)
	for name, content := range map[string]string{
		"damaged":      string(whole[:len(whole)/2]),
		"version":      strings.Replace(string(whole), `"version": 1`, `"version": 2`, 1),
		"earlier boot": strings.Replace(string(whole), boot, "0", 1),
		"empty":        "",
	} {
		l.must(os.WriteFile(l.file, []byte(content), 0o600))
		if d := l.devices(); len(d.state.Sysctls) != 0 || d.Open(device4(51, "vrrp.51")) != nil {
			t.Errorf("%s: %+v", name, d.state)
		}
	}
}

func TestDeviceNameTaken(t *testing.T) {
	l := newDeviceLab(t)
	l.addVeth("eth1", "peer1")
	l.macvlan("mac", "eth0", VirtualMAC4(52))
	l.macvlan("parent", "eth1", VirtualMAC4(51))
	d := l.devices()
	for _, name := range []string{"eth1", "mac", "parent"} {
		err := d.Open(device4(51, name))
		if !errors.Is(err, ErrDeviceTaken) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
		if !l.exists(name) {
			t.Errorf("%s has gone", name)
		}
	}
	l.parentSysctls("0", "0", "0")
	if l.remembers() {
		t.Error("remembers what is not its own")
	}
}

// macvlan makes an interface that is not perch's, but looks like a device.
func (l *deviceLab) macvlan(name, on string, mac net.HardwareAddr) {
	l.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.HardwareAddr = name, l.link(on).Attrs().Index, mac
	l.must(l.here.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE}))
}

// ofOperator is a device whose name and MAC an operator chose.
func ofOperator(name string) Device {
	return Device{Name: name, Parent: "eth0", VRID: 51, Own: OwnMAC{2, 0, 0, 0, 0, 0x51}, Named: true}
}

func TestNamedDevice(t *testing.T) {
	l := newDeviceLab(t)
	l.must(l.devices().Open(ofOperator("lan0")))
	link := l.link("lan0")
	if mac := link.Attrs().HardwareAddr.String(); mac != "02:00:00:00:00:51" {
		t.Errorf("it has %s", mac)
	}
	d := l.devices()
	l.must(d.Open(ofOperator("lan0")))
	if l.link("lan0").Attrs().Index != link.Attrs().Index {
		t.Error("made anew instead of adopted")
	}
	l.must(d.Close("lan0"))
	if l.exists("lan0") || l.remembers() {
		t.Error("something is left")
	}
}

// What an operator made himself looks like a device of perch, and is none.
func TestNamedDeviceOfSomebodyElse(t *testing.T) {
	l := newDeviceLab(t)
	l.macvlan("lan0", "eth0", ofOperator("lan0").MAC())
	d := l.devices()
	taken := func(when string) {
		t.Helper()
		if err := d.Open(ofOperator("lan0")); !errors.Is(err, ErrDeviceTaken) {
			t.Errorf("%s: error %v", when, err)
		}
		l.must(d.Close("lan0"))
		l.must(d.Sweep())
		if !l.exists("lan0") {
			t.Fatalf("%s: removed", when)
		}
		if l.remembers() {
			t.Errorf("%s: remembered", when)
		}
	}
	taken("there before")
	l.must(l.here.LinkDel(l.link("lan0")))

	l.must(l.devices().Open(ofOperator("lan0")))
	l.must(l.here.LinkDel(l.link("lan0")))
	l.macvlan("lan0", "eth0", ofOperator("lan0").MAC())
	d = l.devices()
	taken("made after perch was killed")

	l.must(l.here.LinkDel(l.link("lan0")))
	l.must(l.devices().Open(ofOperator("lan0")))
	l.must(l.here.LinkDel(l.link("lan0")))
	l.macvlan("lan0", "eth0", ofOperator("lan0").MAC())
	l.must(l.devices().Sweep()) // the name has gone from the config
	if !l.exists("lan0") {
		t.Error("swept away")
	}
}

// It was killed before it could write down which interface it had made.
func TestNamedDeviceWithoutIndex(t *testing.T) {
	l := newDeviceLab(t)
	d := l.devices()
	l.must(d.Open(ofOperator("lan0")))
	d.state.Devices["lan0"] = madeDevice{Device: ofOperator("lan0")}
	d.save()
	d = l.devices()
	l.must(d.Sweep())
	if l.exists("lan0") {
		t.Error("left")
	}
	d.state.Devices["lan0"] = madeDevice{Device: ofOperator("lan0")}
	d.save()
	l.macvlan("lan0", "eth0", VirtualMAC4(7))
	l.must(l.devices().Sweep())
	if !l.exists("lan0") {
		t.Error("removed what has another MAC")
	}
}

// A full disk, or a lost file, is no reason to leave a device behind, or to do without.
func TestNamedDeviceWithoutState(t *testing.T) {
	l := newDeviceLab(t)
	l.file = filepath.Join(t.TempDir(), "lost", "devices.json")
	l.must(l.devices().Open(ofOperator("lan0")))
	first := l.link("lan0").Attrs().Index
	d := l.devices()
	if !d.Made(Interface{Name: "lan0", Index: first}) {
		t.Error("not known by the next run")
	}
	l.must(d.Open(ofOperator("lan0")))
	if l.link("lan0").Attrs().Index != first {
		t.Error("made anew instead of adopted")
	}
	l.must(d.Close("lan0"))
	if l.exists("lan0") {
		t.Error("left")
	}

	l.must(d.Open(ofOperator("lan0")))
	next := l.devices()
	l.must(next.Open(ofOperator("lan1"))) // the name has changed meanwhile
	if l.exists("lan0") {
		t.Error("left beside the next one")
	}
	l.must(next.Close("lan1"))
	l.must(d.Open(ofOperator("lan0")))
	d.state.Devices["lan0"] = madeDevice{ofOperator("lan0"), first} // it was made anew with a full disk
	l.must(os.Mkdir(filepath.Dir(l.file), 0o700))
	d.save()
	l.must(l.devices().Sweep())
	if l.exists("lan0") {
		t.Error("left by a file that is too old")
	}
}

// What was made is known, by the next run as well, and what has its name later is not.
func TestDevicesMade(t *testing.T) {
	l := newDeviceLab(t)
	here := func(name string) Interface { return Interface{Name: name, Index: l.link(name).Attrs().Index} }
	d := l.devices()
	l.must(d.Open(ofOperator("lan0")))
	first := here("lan0")
	if !d.Made(first) || d.Made(here("eth0")) {
		t.Error("lan0 is not known, or eth0 is")
	}
	d = l.devices()
	if !d.Made(first) {
		t.Error("not known by the next run")
	}
	l.must(d.Open(ofOperator("lan1"))) // in the place of lan0
	if !d.Made(first) || !d.Made(here("lan1")) {
		t.Error("one of them is not known, which may still be seen")
	}
	l.macvlan("lan0", "eth0", ofOperator("lan0").MAC())
	if d.Made(here("lan0")) {
		t.Error("an operator's is taken for its own")
	}
	l.must(l.here.LinkDel(l.link("lan1")))
	l.macvlan("lan1", "eth0", VirtualMAC4(7))
	if d.Made(here("lan1")) {
		t.Error("an operator's with its name is taken for its own")
	}
	d.state.Devices["lan1"] = madeDevice{Device: ofOperator("lan1")}
	if !d.Made(here("lan1")) {
		t.Error("not known before its index is")
	}
}

// No two devices of one MAC can be up on an interface.
func TestDeviceWithAnotherName(t *testing.T) {
	for name, names := range map[string][2]Device{
		"named":         {device4(51, "vrrp.51"), {Name: "lan0", Parent: "eth0", VRID: 51, Named: true}},
		"not any more":  {{Name: "lan0", Parent: "eth0", VRID: 51, Named: true}, device4(51, "vrrp.51")},
		"named anew":    {ofOperator("lan0"), ofOperator("lan1")},
		"of another ID": {ofOperator("lan0"), {Name: "lan1", Parent: "eth0", VRID: 7, Own: ofOperator("lan0").Own}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newDeviceLab(t)
			l.must(l.devices().Open(names[0]))
			d := l.devices()
			l.must(d.Open(names[1]))
			if l.exists(names[0].Name) || !l.exists(names[1].Name) {
				t.Error("the old one is there, or the new one is not")
			}
			l.must(d.Close(names[1].Name))
			l.parentSysctls("0", "0", "0")
		})
	}
}

// One that is in use does not go for another one with its MAC.
func TestDeviceBesideOneOfItsMAC(t *testing.T) {
	l := newDeviceLab(t)
	d := l.devices()
	l.must(d.Open(ofOperator("lan0")))
	if err := d.Open(ofOperator("lan1")); !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), "lan1") {
		t.Errorf("error %v", err)
	}
	if !l.exists("lan0") || l.exists("lan1") {
		t.Error("the first has gone, or the second is there")
	}
}

func TestDeviceWithMACOfItsParent(t *testing.T) {
	l := newDeviceLab(t)
	device := ofOperator("lan0")
	device.Own = OwnMAC(l.link("eth0").Attrs().HardwareAddr)
	if err := l.devices().Open(device); err == nil || !strings.Contains(err.Error(), "the MAC of eth0 itself") {
		t.Errorf("error %v", err)
	}
	if l.exists("lan0") || l.remembers() {
		t.Error("something is left")
	}
}

func TestDeviceCloseLeavesForeignInterfaceAlone(t *testing.T) {
	l := newDeviceLab(t)
	d := l.devices()
	l.must(d.Open(device4(51, "vrrp.51")))
	l.must(l.here.LinkDel(l.link("vrrp.51")))
	l.addVeth("vrrp.51", "peer1")
	l.must(d.Close("vrrp.51"))
	if !l.exists("vrrp.51") {
		t.Error("removed an interface of somebody else")
	}
}

func TestDeviceOnMacvlan(t *testing.T) {
	l := newDeviceLab(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "mv0", l.link("eth0").Attrs().Index
	l.must(l.here.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}))
	d := l.devices()
	device := Device{Name: "vrrp.51", Parent: "mv0", VRID: 51}
	l.must(d.Open(device))
	l.must(d.Open(device))
	l.must(l.devices().Open(device))
}

func TestDeviceIPv6(t *testing.T) {
	l := newDeviceLab(t)
	l.set(sysctl{"ipv6", "default", "disable_ipv6"}, "1")
	d := l.devices()
	l.set(sysctl{"ipv6", "default", "addr_gen_mode"}, "0")
	l.must(d.Open(device6(51, "vrrp.51")))
	l.linkLocals("vrrp.51", linkLocal(l.link("eth0").Attrs().HardwareAddr, 51))
	l.parentSysctls("0", "0", "0")

	own := device6(52, "vrrp.52")
	own.LinkLocal = netip.MustParseAddr("fe80::52")
	l.must(d.Open(own))
	l.linkLocals("vrrp.52", own.LinkLocal)
	own.LinkLocal = netip.MustParseAddr("fe80::53")
	l.must(d.Open(own))
	l.linkLocals("vrrp.52", own.LinkLocal)
}

// linkLocals compares the addresses of an interface, all of which must be usable.
func (l *deviceLab) linkLocals(name string, want netip.Addr) {
	l.t.Helper()
	list, err := l.here.AddrList(l.link(name), netlink.FAMILY_V6)
	l.must(err)
	if len(list) != 1 || !list[0].IP.Equal(want.AsSlice()) || list[0].Flags&unix.IFA_F_TENTATIVE != 0 {
		l.t.Errorf("%s has %v, want %s", name, list, want)
	}
}

func TestDeviceAdvertsHaveVirtualMAC(t *testing.T) {
	for _, test := range []struct {
		name    string
		device  Device
		send    func(*deviceLab)
		payload []byte
	}{
		{"IPv4", device4(51, "vrrp.51"), (*deviceLab).advert4, []byte("advert 4")},
		{"IPv6", device6(51, "vrrp.51"), (*deviceLab).advert6, []byte("advert 6")},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newDeviceLab(t)
			l.add("eth0", "198.18.0.1/24")
			sniffer := l.sniff("peer0")
			l.must(l.devices().Open(test.device))
			l.eventually("vrrp.51 runs", func() bool { return l.link("vrrp.51").Attrs().RawFlags&unix.IFF_RUNNING != 0 })
			test.send(l)
			frame := l.catch(sniffer, test.payload)
			if got := net.HardwareAddr(frame[6:12]); !bytes.Equal(got, test.device.MAC()) {
				t.Errorf("sent from %s, want %s", got, test.device.MAC())
			}
		})
	}
}

// advert4 sends from the address of the parent through the device.
func (l *deviceLab) advert4() {
	l.t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 112)
	l.must(err)
	defer unix.Close(fd)
	index := l.link("vrrp.51").Attrs().Index
	l.must(unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(index)}))
	l.must(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{198, 18, 0, 1}}))
	l.must(unix.Sendto(fd, []byte("advert 4"), 0, &unix.SockaddrInet4{Addr: [4]byte{224, 0, 0, 18}}))
}

// advert6 leaves the source to the kernel.
func (l *deviceLab) advert6() {
	l.t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 112)
	l.must(err)
	defer unix.Close(fd)
	index := l.link("vrrp.51").Attrs().Index
	l.must(unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, index))
	to := &unix.SockaddrInet6{ZoneId: uint32(index), Addr: netip.MustParseAddr("ff02::12").As16()}
	l.must(unix.Sendto(fd, []byte("advert 6"), 0, to))
}

// sniff opens a packet socket on an interface of the other namespace.
func (l *linkLab) sniff(name string) (fd int) {
	l.t.Helper()
	l.in(l.thereFD, func() {
		var err error
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		l.must(err)
		all := uint16(unix.ETH_P_ALL)
		l.must(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: l.at(l.there, name).Attrs().Index}))
	})
	l.t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// catch waits for a frame with a payload.
func (l *linkLab) catch(fd int, payload []byte) []byte {
	l.t.Helper()
	var frame []byte
	b := make([]byte, 2048)
	l.eventually("frame", func() bool {
		n, _, err := unix.Recvfrom(fd, b, 0)
		frame = slices.Clone(b[:max(n, 0)])
		return err == nil && bytes.Contains(frame, payload)
	})
	return frame
}

func TestDeviceWithoutRights(t *testing.T) {
	l := newDeviceLab(t)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var rights [2]unix.CapUserData
	l.must(unix.Capget(&header, &rights[0]))
	rights[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	l.must(unix.Capset(&header, &rights[0])) // of this thread, which ends with the test
	err := l.devices().Open(device6(51, "vrrp.51"))
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "make device vrrp.51 on eth0") {
		t.Errorf("error %v", err)
	}
	if l.remembers() {
		t.Error("remembers what it has not made")
	}
}

func TestDeviceWithReadOnlySysctls(t *testing.T) {
	l := newDeviceLab(t)
	l.must(unix.Unshare(unix.CLONE_NEWNS)) // of this thread, which ends with the test
	l.must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	l.must(unix.Mount("/proc/sys", "/proc/sys", "", unix.MS_BIND, ""))
	l.must(unix.Mount("", "/proc/sys", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	err := l.devices().Open(device4(51, "vrrp.51"))
	if !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), "net/ipv4/conf/eth0/arp_ignore") {
		t.Errorf("error %v", err)
	}
	if l.exists("vrrp.51") || l.remembers() {
		t.Error("something is left")
	}
}
