package sysctl

import (
	"strconv"
	"strings"
)

// Setting is a sysctl and what it is to be.
type Setting struct {
	Name  string // its path below /proc/sys: "net/ipv4/ip_forward"
	Value int
}

// Met reports whether a value will do: any from that of the setting on, as with
// arp_announce each has what the lower ones have, too; but for 0, which is off, only that.
func (s Setting) Met(value int) bool {
	if s.Value == 0 {
		return value == 0
	}
	return value >= s.Value
}

// String implements fmt.Stringer, in the words of sysctl(8): "net.ipv4.ip_forward=1".
func (s Setting) String() string { return Display(s.Name) + "=" + strconv.Itoa(s.Value) }

// Display returns the name of a sysctl as sysctl(8) takes it: with dots, unless it is of
// an interface whose own name has one.
func Display(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return strings.ReplaceAll(name, "/", ".")
}
