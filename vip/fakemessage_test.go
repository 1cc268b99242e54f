package vip

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// appendDump appends an address as the kernel tells it: with all its flags.
func appendDump(b []byte, a address) []byte {
	start := len(b)
	b = appendAddress(b, a)
	b[start+2] = byte(a.flags)
	return appendUint32(b, unix.IFA_FLAGS, a.flags)
}

// appendLink appends the payload of an RTM_NEWLINK.
func appendLink(b []byte, l link, names ...string) []byte {
	var flags uint32
	if l.up {
		flags |= unix.IFF_UP
	}
	if l.running {
		flags |= unix.IFF_RUNNING
	}
	kind := uint16(unix.ARPHRD_NONE)
	if l.ethernet {
		kind = unix.ARPHRD_ETHER
	}
	b = append(b, unix.AF_UNSPEC, 0)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint32(b, uint32(l.index))
	b = binary.NativeEndian.AppendUint32(b, flags)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = appendAttribute(b, unix.IFLA_IFNAME, append([]byte(l.name), 0))
	b = appendAttribute(b, unix.IFLA_ADDRESS, l.mac[:])
	if l.master != 0 {
		b = appendUint32(b, unix.IFLA_MASTER, uint32(l.master))
	}
	b = appendUint32(b, unix.IFLA_CARRIER_CHANGES, l.flaps)
	var other []byte
	for _, name := range names {
		other = appendAttribute(other, unix.IFLA_ALT_IFNAME, append([]byte(name), 0))
	}
	if other != nil {
		b = appendAttribute(b, unix.IFLA_PROP_LIST|unix.NLA_F_NESTED, other)
	}
	conf4, conf6 := make([]byte, 4*32), make([]byte, 4*50)
	if l.promotes {
		conf4[4*(promoteSecondaries-1)] = 1
	}
	if l.routes {
		conf6[4*forwarding6] = 1
	}
	families := appendAttribute(nil, unix.AF_INET, appendAttribute(nil, unix.IFLA_INET_CONF, conf4))
	families = appendAttribute(families, unix.AF_INET6, appendAttribute(nil, unix.IFLA_INET6_CONF, conf6))
	return appendAttribute(b, unix.IFLA_AF_SPEC, families)
}
