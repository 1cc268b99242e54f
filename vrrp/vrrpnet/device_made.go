package vrrpnet

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// madeDevice is a device that was made, or was about to be.
type madeDevice struct {
	Device
	Index int `json:"index,omitempty"` // 0 until it is known
}

// is tells whether an interface is the one that was made. While nothing is known of its
// index it goes by its kind and MAC: there was none of its name a moment before.
func (m madeDevice) is(link netlink.Link) bool {
	a := link.Attrs()
	return m.Name == a.Name && isDevice(link, m.Device) && (m.Index == 0 || m.Index == a.Index)
}

// remove removes the interface, if it is there and the one that was made.
func (m madeDevice) remove() error {
	link, err := netlink.LinkByName(m.Name)
	if isNotFound(err) || err == nil && !m.is(link) {
		return nil
	}
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove device %s: %w", m.Name, err)
	}
	return nil
}

// mark is the alias of devices, by which one is known that was made while its state could
// not be written, or whose state was lost since.
const mark = "made by perch"

// recall takes up the devices that have the mark, and are not known.
func (s *deviceState) recall() error {
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list interfaces: %w", err)
	}
	names := map[int]string{}
	for _, link := range links {
		names[link.Attrs().Index] = link.Attrs().Name
	}
	for _, link := range links {
		a := link.Attrs()
		if link.Type() != "macvlan" || a.Alias != mark || len(a.HardwareAddr) != len(OwnMAC{}) || s.Devices[a.Name].is(link) {
			continue
		}
		device := Device{Name: a.Name, Parent: names[a.ParentIndex], Own: OwnMAC(a.HardwareAddr), Named: true}
		s.Devices[a.Name] = madeDevice{device, a.Index}
	}
	return nil
}

// serves tells whether a device is there already for what is wanted. Of one that was taken
// up by its mark nobody knows the VRID, nor the family.
func (m madeDevice) serves(device Device) bool {
	return m.Device == device ||
		m.VRID == 0 && m.Name == device.Name && m.Parent == device.Parent && bytes.Equal(m.MAC(), device.MAC())
}

// indexOrNone is the index of an interface, or 0 if it is not there.
func indexOrNone(link netlink.Link) int {
	if link == nil {
		return 0
	}
	return link.Attrs().Index
}
