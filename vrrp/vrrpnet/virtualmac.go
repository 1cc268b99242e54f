package vrrpnet

import "net"

// VirtualMAC4 is the MAC of a virtual router for IPv4 (RFC 9568 section 7.3).
func VirtualMAC4(vrid uint8) net.HardwareAddr { return net.HardwareAddr{0, 0, 0x5e, 0, 1, vrid} }

// VirtualMAC6 is the MAC of a virtual router for IPv6 (RFC 9568 section 7.3).
func VirtualMAC6(vrid uint8) net.HardwareAddr { return net.HardwareAddr{0, 0, 0x5e, 0, 2, vrid} }
