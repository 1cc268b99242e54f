package keepalived

import (
	"fmt"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/document"
)

func (im *importer) writeDevice(t *document.Table, i *instance) {
	if !i.vmac.given() {
		if i.xmitBase.value {
			im.remark(i.xmitBase.by, "does nothing without use_vmac")
		}
		return
	}
	im.set(t, "virtual_mac", document.Flag(true), i.vmac.by)
	im.writeDeviceName(t, i)
	if mac := i.vmac.value.mac; mac != "" {
		im.set(t, "virtual_mac_address", document.Text(mac), i.vmac.by)
	}
	switch {
	case !i.xmitBase.value || len(i.peers) > 0:
	case im.strict(i):
		im.remark(i.xmitBase.by, "does not count with vrrp_strict, for keepalived either")
	default:
		im.set(t, "virtual_mac_adverts", document.Flag(false), i.xmitBase.by)
	}
}

// writeDeviceName says what the device is called, if the file says anything of that.
func (im *importer) writeDeviceName(t *document.Table, i *instance) {
	prefix := im.routing.globals.vmacPrefix
	switch {
	case i.vmac.value.name != "":
		im.set(t, "virtual_mac_name", document.Text(i.vmac.value.name), i.vmac.by)
	case prefix.given():
		im.set(t, "virtual_mac_name", document.Text(im.prefixedDevice(i, prefix.value)), prefix.by)
	}
}

// prefixedDevice returns what keepalived calls a device that has no name: P.51, and P6.51 over
// IPv6 with the MAC of the VRID; where another one has that, P1.51 and so on.
func (im *importer) prefixedDevice(i *instance, prefix string) string {
	if i.ipv6() && i.vmac.value.mac == "" {
		prefix += "6"
	}
	name := fmt.Sprintf("%s.%d", prefix, i.vrid.value)
	for n := 1; im.routing.deviceNames[name]; n++ {
		name = fmt.Sprintf("%s%d.%d", prefix, n, i.vrid.value)
	}
	im.routing.deviceNames[name] = true
	return name
}

// remarkOnPrefix names a prefix that no device has.
func (im *importer) remarkOnPrefix() {
	unnamed := func(i *instance) bool { return i.vmac.given() && i.vmac.value.name == "" }
	if prefix := im.routing.globals.vmacPrefix; prefix.given() && !slices.ContainsFunc(im.routing.instances, unnamed) {
		im.remark(prefix.by, "does nothing without a use_vmac that has no name")
	}
}
