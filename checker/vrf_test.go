//go:build vrf

// Few kernels of test machines have VRFs: TestKernelVRF of the end-to-end tests runs this
// in one that does.

package checker

import "testing"

// An interface may be a VRF, from which nothing but its own table leads anywhere.
func TestVRF(t *testing.T) {
	l := newServerLab(t)
	l.ip("link add red type vrf table 10", "link set red up", "link set eth1 master red",
		"addr replace 2001:db8:1::2/64 dev eth1 nodad",
		"route add default via 198.18.1.1 vrf red", "-6 route add default via 2001:db8:1::1 vrf red")
	for host, want := range map[string]string{labServer4: "198.18.1.2:", labServer6: "[2001:db8:1::2]:"} {
		overTCP, overUDP := l.tellSource(host)
		seen := Pattern{Contains: want}
		l.seesSource("tcp", want, Spec{Kind: "tcp", Target: overTCP, Network: Network{Interface: "red"}, TCP: TCP{Expect: seen}})
		l.seesSource("udp", want, Spec{Kind: "udp", Target: overUDP, Network: Network{Interface: "red"}, UDP: UDP{Expect: seen}})
	}
}
