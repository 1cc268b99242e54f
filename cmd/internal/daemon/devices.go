package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// devices is the interfaces with virtual MACs that routers need, and where the
// interfaces are that they stand on.
type devices struct {
	made   deviceMaker
	log    *slog.Logger
	wanted []vrrpnet.Device
	opened map[string]footing // by name: how it stood when it was opened last
	waited bool               // a device for another one to go

	mu      sync.Mutex // guards what follows
	around  []vrrpnet.Interface
	indexes map[string]int    // of interfaces, by name
	mtus    map[string]int    // likewise
	trouble map[string]string // why a device could not be made, by name
}

// deviceMaker is what is needed of vrrpnet.Devices.
type deviceMaker interface {
	Open(vrrpnet.Device) error
	Close(name string) error
	Sweep() error
	Made(vrrpnet.Interface) bool
}

// footing is how a device is: with its index 0 it is not there.
type footing struct {
	device        vrrpnet.Device
	index, mtu    int
	parent, below int // index and MTU of the interface that it is on
}

func newDevices(stateFile string, log *slog.Logger) *devices {
	return &devices{
		made:    vrrpnet.NewDevices(stateFile, log),
		log:     log,
		opened:  map[string]footing{},
		trouble: map[string]string{},
	}
}

// see takes over what interfaces there are, and tells whether they are others, or
// elsewhere, than before, or have other MACs.
func (d *devices) see(list []vrrpnet.Interface) bool {
	indexes, mtus := map[string]int{}, map[string]int{}
	for _, i := range list {
		indexes[i.Name], mtus[i.Name] = i.Index, i.MTU
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	same := slices.EqualFunc(list, d.around, sameDevice)
	d.around, d.indexes, d.mtus = list, indexes, mtus
	return !same
}

func sameDevice(a, b vrrpnet.Interface) bool {
	return a.Name == b.Name && a.Index == b.Index && a.MTU == b.MTU && a.Below == b.Below && bytes.Equal(a.MAC, b.MAC)
}

// usable returns the interfaces that there are, without those that have the name of a
// device which could not be made: they are somebody else's.
func (d *devices) usable() []vrrpnet.Interface {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.around), func(i vrrpnet.Interface) bool { return d.trouble[i.Name] != "" })
}

// troubles returns why devices could not be made, by name.
func (d *devices) troubles() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.trouble)
}

// comes tells whether a device is there or about to come: the interface that it is on is up,
// and nothing has kept it from being made.
func (d *devices) comes(name, parent string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	up := slices.ContainsFunc(d.around, func(i vrrpnet.Interface) bool { return i.Name == parent && i.Up })
	return d.trouble[name] == "" && up
}

// index returns that of an interface, if it is there.
func (d *devices) index(name string) (int, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	index, ok := d.indexes[name]
	return index, ok
}

// indexesOf returns those of the interfaces that are there.
func (d *devices) indexesOf(names []string) []int {
	var list []int
	for _, name := range names {
		if index, ok := d.index(name); ok {
			list = append(list, index)
		}
	}
	return list
}

// want makes the devices of routers, but for those that must wait for trim: see waits.
func (d *devices) want(routers []virtualRouter) {
	d.wanted = nil
	for _, v := range routers {
		if v.Device != "" {
			d.wanted = append(d.wanted, v.device())
		}
	}
	d.repair()
}

// trim removes devices that none needs, also those that an earlier run has left, and makes
// what had to wait for that.
func (d *devices) trim() error {
	needed := map[vrrpnet.Device]bool{}
	for _, device := range d.wanted {
		needed[device] = true
	}
	err := errors.Join(d.shut(func(f footing) bool { return !needed[f.device] }), d.made.Sweep())
	if d.waited {
		d.repair()
	}
	return err
}

// waits tells whether a device cannot be there beside one that there was by the setup
// before: that goes when its router has said farewell by it.
func (d *devices) waits(device vrrpnet.Device) bool {
	for _, old := range d.opened {
		if old.device != device && old.device.Rivals(device) {
			return true
		}
	}
	return false
}

// repair makes what is missing. What cannot be made is tried again when the interfaces
// have changed. What stands as it did is left alone: with hundreds of devices a look at
// all takes a second, and interfaces may come and go all the time.
func (d *devices) repair() {
	d.waited = false
	for _, device := range d.wanted {
		now, trouble := d.footing(device)
		waits := d.waits(device)
		d.waited = d.waited || waits
		if now.parent == 0 || waits {
			d.note(device.Name, "") // the engine says so
			continue
		}
		if host := d.host(device.MAC(), now.parent, device); host != "" {
			d.note(device.Name, fmt.Sprintf("device %s: %s is the MAC of %s itself, which perch did not make", device.Name, device.MAC(), host))
			continue
		}
		if now.index != 0 && now == d.opened[device.Name] && trouble == "" {
			continue
		}
		d.opened[device.Name] = now
		d.note(device.Name, d.open(device))
	}
}

// open makes a device, and returns why it could not, or "".
func (d *devices) open(device vrrpnet.Device) string {
	if err := d.made.Open(device); err != nil {
		return err.Error()
	}
	return ""
}

// footing is how a device stands now, and whether it could be made.
func (d *devices) footing(device vrrpnet.Device) (now footing, trouble string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return footing{
		device: device,
		index:  d.indexes[device.Name], mtu: d.mtus[device.Name],
		parent: d.indexes[device.Parent], below: d.mtus[device.Parent],
	}, d.trouble[device.Name]
}

// note takes note of why a device could not be made, "" if it was.
func (d *devices) note(name, trouble string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if trouble != "" && trouble != d.trouble[name] {
		d.log.Error("making an interface with a virtual MAC", "error", trouble)
	}
	d.trouble[name] = trouble
}

// close removes all devices.
func (d *devices) close() error {
	d.wanted = nil
	return d.shut(func(footing) bool { return true })
}

// shut removes some devices.
func (d *devices) shut(which func(footing) bool) error {
	var errs []error
	for name, stood := range d.opened {
		if which(stood) {
			errs = append(errs, d.made.Close(name))
			delete(d.opened, name)
			d.note(name, "")
		}
	}
	return errors.Join(errs...)
}

// device is the interface with the virtual MAC of a router.
func (v *virtualRouter) device() vrrpnet.Device {
	return vrrpnet.Device{
		Name: v.Device, Parent: v.Interface, VRID: uint8(v.VRID), IPv6: v.IPv6(),
		Own: vrrpnet.OwnMAC(v.VirtualMACAddress), Named: v.VirtualMACName != "",
	}
}
