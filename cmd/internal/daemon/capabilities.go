package daemon

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// effectiveCapabilities returns what this process may do, a bit for each.
func effectiveCapabilities() (uint64, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, fmt.Errorf("read the capabilities of this process: %w", err)
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective), nil
}

// checkCapabilities returns an error when the daemon could not add addresses or
// announce them: as a leader it would keep the VIPs dark.
func checkCapabilities(effective uint64) error {
	var missing []string
	for _, c := range []struct {
		bit  int
		name string
	}{{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {unix.CAP_NET_RAW, "CAP_NET_RAW"}} {
		if effective&(1<<c.bit) == 0 {
			missing = append(missing, c.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("no VIP can be held without %s: run it as root, or as a user with the ambient capabilities CAP_NET_ADMIN and CAP_NET_RAW",
		strings.Join(missing, " and "))
}
