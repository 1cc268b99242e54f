package daemon

import (
	"bytes"
	"net"
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/vip/fence"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// fenced returns what is to be under the lease of a router. That of an interface that
// is not there follows when it is.
func (d *devices) fenced(v *virtualRouter) (vips []fence.VIP, macs []fence.MAC) {
	for _, held := range v.VIPs {
		addr := held.Address.Addr()
		p := netip.PrefixFrom(addr, addr.BitLen())
		if !addr.IsLinkLocalUnicast() {
			vips = append(vips, fence.VIP{Prefix: p})
		} else if index, there := d.index(v.below(held)); there {
			vips = append(vips, fence.VIP{Prefix: p, Interface: index})
		}
	}
	if index, there := d.index(v.Interface); v.Device != "" && there {
		if device := v.device(); d.host(device.MAC(), index, device) == "" {
			for _, by := range d.ways(index, device.Name) {
				macs = append(macs, fence.MAC{Address: [6]byte(device.MAC()), Interface: by})
			}
		}
	}
	return vips, macs
}

// ways returns the interfaces by which what a device says leaves: the one of an index, on
// which it is made, or what is below that, if it is a macvlan itself.
func (d *devices) ways(on int, device string) []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	ways := []int{on}
	for _, i := range d.around {
		if i.Name == device && i.Below != 0 && i.Below != on {
			ways = append(ways, i.Below)
		}
	}
	return ways
}

// spared tells whether a MAC must not be fenced any more, since the host itself has it now,
// or need not, since its interface has gone.
func (d *devices) spared(m fence.MAC) bool {
	return !d.there(m.Interface) || d.host(m.Address[:], m.Interface, vrrpnet.Device{Named: true}) != ""
}

func (d *devices) there(index int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.around, func(i vrrpnet.Interface) bool { return i.Index == index })
}

// host returns an interface that is not perch's, and that sends with a MAC by the one of
// an index, or "". All that it says would be fenced. What has the name of a device is that,
// unless an operator chose it: then it must be known to be made.
func (d *devices) host(mac net.HardwareAddr, by int, device vrrpnet.Device) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range d.around {
		if bytes.Equal(i.MAC, mac) && d.stands(i, by) && (device.Named || i.Name != device.Name) && !d.made.Made(i) {
			return i.Name
		}
	}
	return ""
}

// stands tells whether an interface is that of an index, or made on it, maybe on others in
// between. Those of veth are on each other.
func (d *devices) stands(i vrrpnet.Interface, on int) bool {
	below := map[int]int{}
	for _, other := range d.around {
		below[other.Index] = other.Below
	}
	at := i.Index
	for range d.around {
		if at == on || at == 0 {
			break
		}
		at = below[at]
	}
	return at == on
}
