package config

import (
	"errors"
	"net"
)

// MAC is a MAC address of Ethernet. The zero value stands for none.
type MAC [6]byte

// String returns the MAC, such as 02:00:00:00:00:51.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

const macRule = "must be the MAC of one station, such as \"02:00:00:00:00:51\""

// parseMAC reads the MAC of a station: groups are for many.
func parseMAC(text string) (MAC, error) {
	mac, err := net.ParseMAC(text)
	switch {
	case err != nil || len(mac) != len(MAC{}):
		return MAC{}, errors.New("is not a MAC address")
	case mac[0]&1 != 0:
		return MAC{}, errors.New("is that of a group")
	case MAC(mac) == MAC{}:
		return MAC{}, errors.New("is nobody's")
	}
	return MAC(mac), nil
}

const deviceRule = interfaceRule + `, nor "lo", "all" or "default"`

// parseDevice reads the name of an interface that is to be made. Sysctls of all and of
// default are for other interfaces, too.
func parseDevice(name string) (string, error) {
	switch name {
	case "lo", "all", "default":
		return "", errors.New("cannot be that of a new interface")
	}
	return parseInterface(name)
}
