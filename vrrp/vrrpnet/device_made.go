package vrrpnet

import (
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
	return m.Name == a.Name && isDevice(link, m.Device) && (m.Index == 0 || m.Index == a.Index || a.Alias == mark)
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

// isOurs tells whether an interface with the name and MAC of a device is one.
func (d *Devices) isOurs(link netlink.Link) bool {
	return link.Attrs().Alias == mark || d.state.Devices[link.Attrs().Name].is(link)
}

// isMarked tells whether there is an interface of that index with the mark.
func isMarked(index int) bool {
	link, err := netlink.LinkByIndex(index)
	return err == nil && link.Attrs().Alias == mark
}

// indexOrNone is the index of an interface, or 0 if it is not there.
func indexOrNone(link netlink.Link) int {
	if link == nil {
		return 0
	}
	return link.Attrs().Index
}
