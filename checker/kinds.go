package checker

import (
	"fmt"
	"maps"
	"slices"
)

// constructor makes the Checker of one kind. It does no more than to read files that the
// spec names; what can be wrong with it is an error about the spec.
type constructor func(*Host, Spec) (Checker, error)

// kinds returns the constructor of each kind.
func kinds() map[string]constructor {
	return map[string]constructor{
		"bgp":       newBGP,
		"dns":       newDNS,
		"file":      newFile,
		"gateway":   newGateway,
		"grpc":      newGRPC,
		"http":      newHTTP,
		"icmp":      newICMP,
		"interface": newInterface,
		"process":   newProcess,
		"script":    newScript,
		"smtp":      newSMTP,
		"tcp":       newTCP,
		"tls":       newHandshake,
		"udp":       newUDP,
		"unit":      newUnit,
	}
}

// Kinds returns the names of all kinds, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds())) }

// New makes the Checker that a spec describes. The error says what is wrong with it.
func (h *Host) New(spec Spec) (Checker, error) {
	construct, known := kinds()[spec.Kind]
	if !known {
		return nil, fmt.Errorf("kind %q is not known; must be one of %v", spec.Kind, Kinds())
	}
	return construct(h, spec)
}
