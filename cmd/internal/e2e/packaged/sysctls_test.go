//go:build systemd

package packaged

import (
	"errors"
	"net"
	"os"
	"testing"
)

// With the shipped file of sysctls a service may bind to an address that is not there.
func testSysctls(t *testing.T) {
	for _, address := range []string{"198.18.9.250:80", "[2001:db8::250]:80"} {
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			t.Errorf("without the file %s can be bound to already", address)
		}
	}
	const file = "/etc/sysctl.d/60-perch.conf"
	text, err := os.ReadFile("/usr/share/perch/sysctl.d/60-perch.conf")
	must(t, errors.Join(err, os.WriteFile(file, text, 0o644)))
	t.Cleanup(func() { _ = os.Remove(file) })
	run(t, "systemctl", "restart", "systemd-sysctl.service")
	for _, address := range []string{"198.18.9.250:80", "[2001:db8::250]:80"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Errorf("with the file: %v", err)
			continue
		}
		l.Close()
	}
}
