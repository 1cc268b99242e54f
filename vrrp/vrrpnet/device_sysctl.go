package vrrpnet

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"
)

// setOwnSysctls sets those of the device itself, which go with it. A device for IPv4
// has no IPv6, which would report its multicast groups: a switch would learn from that
// of a node which is not the master that the virtual MAC is there.
func setOwnSysctls(device Device) error {
	const (
		noAddress = "1" // IN6_ADDR_GEN_MODE_NONE
		noAnswer  = "8" // to whoever asks by ARP, also for addresses of other interfaces
	)
	if device.IPv6 {
		return errors.Join(
			sysctl{"ipv4", device.Name, "arp_ignore"}.write(noAnswer),
			sysctl{"ipv6", device.Name, "addr_gen_mode"}.write(noAddress),
			sysctl{"ipv6", device.Name, "disable_ipv6"}.write("0"))
	}
	err := sysctl{"ipv6", device.Name, "disable_ipv6"}.write("1")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the kernel has none
	}
	return errors.Join(err,
		sysctl{"ipv4", device.Name, "arp_ignore"}.write("1"),
		sysctl{"ipv4", device.Name, "accept_local"}.write("1"),
		sysctl{"ipv4", device.Name, rpFilter}.write("0"))
}

// prepare sets the sysctls of other interfaces that a device needs, once they are
// written down.
func (d *Devices) prepare(device Device) error {
	var changes []sysctlChange
	if !device.IPv6 {
		var err error
		if changes, err = d.plan(device); err != nil {
			return fmt.Errorf("device %s: %w", device.Name, err)
		}
	}
	for _, c := range changes {
		d.state.note(c)
	}
	d.save()
	for _, c := range changes {
		if err := c.write(c.Set); err != nil {
			return fmt.Errorf("device %s: %w", device.Name, err)
		}
	}
	return nil
}

// plan is what has to be changed. The parent must answer for its own addresses alone,
// and nothing may be dropped that comes in by the device, but is answered by the parent.
func (d *Devices) plan(device Device) ([]sysctlChange, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	plan, err := d.planFilter(links)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"arp_ignore", "arp_filter"} {
		c, err := atLeast(sysctl{"ipv4", device.Parent, name}, indexOf(links, device.Parent), 1)
		if err != nil {
			return nil, err
		}
		plan = append(plan, c...)
	}
	return plan, nil
}

// planFilter turns the reverse path filter of all off, as what counts is the larger of
// that and the interface's own, and has every other interface keep what it had by it.
func (d *Devices) planFilter(links []netlink.Link) ([]sysctlChange, error) {
	all := sysctl{"ipv4", "all", rpFilter}
	strictness, err := all.readNumber()
	if err != nil || strictness == 0 {
		return nil, err
	}
	plan, err := atLeast(sysctl{"ipv4", "default", rpFilter}, 0, strictness)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		if _, ours := d.state.Devices[l.Attrs().Name]; ours {
			continue
		}
		c, err := atLeast(sysctl{"ipv4", l.Attrs().Name, rpFilter}, l.Attrs().Index, strictness)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has gone since, or has no IPv4
		}
		if err != nil {
			return nil, err
		}
		plan = append(plan, c...)
	}
	return append(plan, sysctlChange{all, 0, strconv.Itoa(strictness), "0"}), nil
}

// atLeast is the change that a sysctl needs, none if it is as large already.
func atLeast(s sysctl, index, value int) ([]sysctlChange, error) {
	now, err := s.readNumber()
	if err != nil || now >= value {
		return nil, err
	}
	return []sysctlChange{{s, index, strconv.Itoa(now), strconv.Itoa(value)}}, nil
}

// putBack puts back the sysctls that no device needs any more.
func (d *Devices) putBack() error {
	var errs []error
	d.state.Sysctls = slices.DeleteFunc(d.state.Sysctls, func(c sysctlChange) bool {
		if d.needed(c) {
			return false
		}
		err := c.undo()
		errs = append(errs, err)
		return err == nil
	})
	d.save()
	return errors.Join(errs...)
}

// needed reports whether a device needs a change, be it one of an earlier run that has
// not been opened yet.
func (d *Devices) needed(c sysctlChange) bool {
	for _, device := range d.state.Devices {
		if !device.IPv6 && (c.Name == rpFilter || c.Interface == device.Parent) {
			return true
		}
	}
	return false
}

// undo leaves alone what is not as it was set: somebody else has changed it, or it is
// another interface.
func (c sysctlChange) undo() error {
	now, err := c.read()
	if errors.Is(err, fs.ErrNotExist) || err == nil && now != c.Set {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Index != 0 {
		l, err := netlink.LinkByName(c.Interface)
		if isNotFound(err) || err == nil && l.Attrs().Index != c.Index {
			return nil
		}
		if err != nil {
			return fmt.Errorf("put back sysctl %s: interface %s: %w", c, c.Interface, err)
		}
	}
	return c.write(c.Before)
}

// note writes down a change. What it was before an earlier one of the same sysctl is
// of no use: somebody else has set it in between.
func (s *deviceState) note(c sysctlChange) {
	s.Sysctls = slices.DeleteFunc(s.Sysctls, func(old sysctlChange) bool { return old.sysctl == c.sysctl })
	s.Sysctls = append(s.Sysctls, c)
}

// save does without the file if need be: it matters only if this process is killed.
func (d *Devices) save() {
	if err := d.file.Write(d.state); err != nil {
		d.log.Error("after a crash sysctls would stay as they are now", "error", err)
	}
}

func indexOf(links []netlink.Link, name string) int {
	for _, l := range links {
		if l.Attrs().Name == name {
			return l.Attrs().Index
		}
	}
	return 0
}
