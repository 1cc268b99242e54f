package vrrpnet

import (
	"fmt"
	"net"
)

// VirtualMAC4 is the MAC of a virtual router for IPv4 (RFC 9568 section 7.3).
func VirtualMAC4(vrid uint8) net.HardwareAddr { return net.HardwareAddr{0, 0, 0x5e, 0, 1, vrid} }

// VirtualMAC6 is the MAC of a virtual router for IPv6 (RFC 9568 section 7.3).
func VirtualMAC6(vrid uint8) net.HardwareAddr { return net.HardwareAddr{0, 0, 0x5e, 0, 2, vrid} }

// OwnMAC is the MAC of a virtual router that has not the one of the RFC. It is
// comparable, and a text in JSON. The zero value stands for that of the RFC.
type OwnMAC [6]byte

// MarshalText returns it such as 02:00:00:00:00:51.
func (m OwnMAC) MarshalText() ([]byte, error) { return []byte(net.HardwareAddr(m[:]).String()), nil }

// UnmarshalText reads it. The error names the text.
func (m *OwnMAC) UnmarshalText(text []byte) error {
	mac, err := net.ParseMAC(string(text))
	if err != nil || len(mac) != len(m) {
		return fmt.Errorf("%q is no MAC of 6 bytes", text)
	}
	*m = OwnMAC(mac)
	return nil
}
