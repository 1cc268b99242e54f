package vrrpnet

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrDeviceTaken says that there is an interface of a device's name that is not one.
var ErrDeviceTaken = errors.New("name is taken by another interface")

// Device is an interface with a virtual MAC: a macvlan in private mode.
type Device struct {
	Name   string `json:"name"`   // such as vrrp.51
	Parent string `json:"parent"` // the interface that it is made on
	VRID   uint8  `json:"vrid"`
	IPv6   bool   `json:"ipv6"`
	// LinkLocal is the address that the adverts of an IPv6 device come from; if it is
	// not valid, one that follows from the MAC of the parent and the VRID.
	LinkLocal netip.Addr `json:"link_local"`
	// Own is its MAC, if that is not the one of the RFC.
	Own OwnMAC `json:"own_mac,omitzero"`
	// Named says that its name was chosen by an operator, who may have interfaces of
	// that kind: one that is not known to be perch's is not taken over.
	Named bool `json:"named,omitempty"`
}

// MAC is the virtual MAC of the device.
func (d Device) MAC() net.HardwareAddr {
	switch {
	case d.Own != OwnMAC{}:
		return d.Own[:]
	case d.IPv6:
		return VirtualMAC6(d.VRID)
	}
	return VirtualMAC4(d.VRID)
}

// Rivals tells whether two devices cannot be there at the same time.
func (d Device) Rivals(other Device) bool {
	return d.Name == other.Name || d.Parent == other.Parent && bytes.Equal(d.MAC(), other.MAC())
}

// Devices makes and removes the interfaces with virtual MACs of one node, and the
// sysctls that they need. It works in the network namespace of the calling thread.
// Its methods may be called at the same time.
type Devices struct {
	log  *slog.Logger
	file stateFile

	mu    sync.Mutex
	open  map[string]Device // by name
	past  map[int]bool      // indexes of those that were removed
	state deviceState
}

// NewDevices takes up what an earlier run has written into its state file, so that a
// killed one leaves no sysctl behind for good. An empty path means no file. A file that
// cannot be read is logged, and counts as none.
func NewDevices(path string, log *slog.Logger) *Devices {
	d := &Devices{log: log, file: stateFile(path), open: make(map[string]Device), past: make(map[int]bool)}
	var err error
	if d.state, err = d.file.Read(); err != nil {
		log.Error("state of an earlier run is lost: its sysctls stay as they are", "error", err)
	}
	if err := d.state.recall(); err != nil {
		log.Error("looking for devices that an earlier run has left", "error", err)
	}
	return d
}

// Open makes a device, or adopts it where an earlier run has left it, and brings it up.
// If it is open already what is missing of it is repaired: that is how it comes back
// after its parent, and follows the MTU of that. One that has changed is made anew. The
// parent may be down.
//
// The error wraps ErrDeviceTaken if another interface has the name. After an error
// nothing is left of a device that was not open before.
func (d *Devices) Open(device Device) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.makeRoom(device); err != nil {
		return err
	}
	_, before := d.open[device.Name]
	err := d.make(device)
	if err != nil && !before {
		err = errors.Join(err, d.drop(device))
	}
	return err
}

// makeRoom removes what another device was by that name, and what an earlier run has left
// of the same MAC.
func (d *Devices) makeRoom(device Device) error {
	for name, old := range d.state.Devices {
		_, opened := d.open[name]
		if old.serves(device) || !old.Rivals(device) || opened && name != device.Name {
			continue
		}
		if err := d.drop(old.Device); err != nil {
			return err
		}
	}
	return nil
}

// Close removes a device, and puts back the sysctls that no other one needs, unless
// somebody else has changed them since. A device that is not open is none of its
// business.
func (d *Devices) Close(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	device, ok := d.open[name]
	if !ok {
		return nil
	}
	return d.drop(device)
}

// Sweep removes the devices of an earlier run that have not been opened since, and
// puts back what only they needed.
func (d *Devices) Sweep() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for name, device := range d.state.Devices {
		if _, ok := d.open[name]; !ok {
			errs = append(errs, d.drop(device.Device))
		}
	}
	return errors.Join(append(errs, d.putBack())...)
}

// Made tells whether an interface is a device that was made, or adopted, by this run or an
// earlier one, or was one: an interface that is seen may have gone.
func (d *Devices) Made(i Interface) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	made, ok := d.state.Devices[i.Name]
	return d.past[i.Index] || ok && (made.Index == 0 || made.Index == i.Index)
}

func (d *Devices) make(device Device) error {
	parent, err := netlink.LinkByName(device.Parent)
	if err != nil {
		return fmt.Errorf("device %s: interface %s: %w", device.Name, device.Parent, err)
	}
	if bytes.Equal(parent.Attrs().HardwareAddr, device.MAC()) {
		return fmt.Errorf("device %s: %s is the MAC of %s itself", device.Name, device.MAC(), device.Parent)
	}
	link, err := d.find(device, parent)
	if err != nil {
		return err
	}
	d.open[device.Name] = device
	d.state.Devices[device.Name] = madeDevice{device, indexOrNone(link)}
	if err := d.prepare(device); err != nil {
		return err
	}
	if link == nil {
		if link, err = add(device, parent); err != nil {
			return err
		}
		d.state.Devices[device.Name] = madeDevice{device, link.Attrs().Index}
		d.save()
	}
	return bringUp(device, link, parent)
}

// drop removes a device, and what was done for it.
func (d *Devices) drop(device Device) error {
	delete(d.open, device.Name)
	made, ours := d.state.Devices[device.Name]
	if !ours {
		return nil
	}
	if err := made.remove(); err != nil {
		return err
	}
	delete(d.state.Devices, device.Name)
	d.past[made.Index] = true
	return d.putBack()
}

// find looks for a device that exists; nil if it does not.
func (d *Devices) find(device Device, parent netlink.Link) (netlink.Link, error) {
	link, err := netlink.LinkByName(device.Name)
	switch {
	case isNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("device %s: %w", device.Name, err)
	case !isDevice(link, device) || !isOn(link, parent) || device.Named && !d.state.Devices[device.Name].is(link):
		return nil, fmt.Errorf("device %s on %s: %w: a %s with MAC %s on interface %d",
			device.Name, device.Parent, ErrDeviceTaken, link.Type(), link.Attrs().HardwareAddr, link.Attrs().ParentIndex)
	}
	return link, nil
}

// isOn reports whether a macvlan is one of parent. One of a macvlan is made on what is
// below that, maybe in another network namespace.
func isOn(link, parent netlink.Link) bool {
	l, p := link.Attrs(), parent.Attrs()
	if parent.Type() == "macvlan" {
		return l.ParentIndex == p.ParentIndex && l.NetNsID == p.NetNsID
	}
	return l.ParentIndex == p.Index && l.NetNsID < 0
}

// isDevice leaves the parent out of it, which may be another by now.
func isDevice(link netlink.Link, device Device) bool {
	return link.Type() == "macvlan" && bytes.Equal(link.Attrs().HardwareAddr, device.MAC())
}

// add makes the interface. It must not be up before its sysctls are set.
func add(device Device, parent netlink.Link) (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.HardwareAddr = device.Name, parent.Attrs().Index, device.MAC()
	err := netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE})
	if err != nil {
		return nil, fmt.Errorf("make device %s on %s: %w", device.Name, device.Parent, err)
	}
	link, err := netlink.LinkByName(device.Name)
	if err == nil {
		err = netlink.LinkSetAlias(link, mark)
	}
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", device.Name, err)
	}
	return link, nil
}

func bringUp(device Device, link, parent netlink.Link) error {
	if err := setOwnSysctls(device); err != nil {
		return err
	}
	if m, ok := link.(*netlink.Macvlan); ok && m.Mode != netlink.MACVLAN_MODE_PRIVATE {
		if err := netlink.LinkSetMacvlanMode(link, netlink.MACVLAN_MODE_PRIVATE); err != nil {
			return fmt.Errorf("set mode of device %s: %w", device.Name, err)
		}
	}
	if mtu := parent.Attrs().MTU; link.Attrs().MTU != mtu {
		if err := netlink.LinkSetMTU(link, mtu); err != nil {
			return fmt.Errorf("set MTU of device %s to %d: %w", device.Name, mtu, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up device %s: %w", device.Name, err)
	}
	if !device.IPv6 {
		return nil
	}
	return addLinkLocal(device, link, parent)
}

func addLinkLocal(device Device, link, parent netlink.Link) error {
	addr := device.LinkLocal
	if !addr.IsValid() {
		addr = linkLocal(parent.Attrs().HardwareAddr, device.VRID)
	}
	err := netlink.AddrReplace(link, &netlink.Addr{
		IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(64, 128)},
		Flags: unix.IFA_F_NODAD,
	})
	if err != nil {
		return fmt.Errorf("add %s to device %s: %w", addr, device.Name, err)
	}
	return nil
}

// linkLocal is an address of the node for one virtual router. It is not that of the
// parent: both interfaces would answer for it, the device with the virtual MAC, which
// leads neighbours to another node as soon as that is the master.
func linkLocal(mac net.HardwareAddr, vrid uint8) netip.Addr {
	b := [16]byte{0: 0xfe, 1: 0x80, 11: 0x5e, 12: vrid}
	if len(mac) == 6 {
		copy(b[8:11], mac[:3])
		copy(b[13:], mac[3:])
	}
	b[8] ^= 2 // as in a modified EUI-64
	return netip.AddrFrom16(b)
}

func isNotFound(err error) bool {
	var missing netlink.LinkNotFoundError
	return errors.As(err, &missing)
}
