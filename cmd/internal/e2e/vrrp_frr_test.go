package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

var frr = implementation{
	name:             "FRR",
	prepare:          prepareFRR,
	standby:          "Initialize -> Backup",
	isBackup:         frrIsBackup,
	alwaysVirtualMAC: true,
	fickle:           true, // zebra may lose the last word of vrrpd, or mix up two that come fast
}

// frrIsBackup reads the last change of state. Only zebra takes the addresses away then,
// a moment after vrrpd wants it.
func frrIsBackup(log string) bool {
	return strings.LastIndex(log, "-> Backup") > strings.LastIndex(log, "-> Master")
}

func prepareFRR(t *testing.T, s setup) *lab.Daemon {
	t.Helper()
	for _, v := range s.vs {
		must(t, s.host.AddMacvlan(v.Name, v.virtualMAC(), v.Addresses...))
	}
	d, err := lab.NewFRR(s.host, s.dir, vrrpdConf(s))
	must(t, err)
	return d
}

// vrrpdConf returns the text of FRR's configuration.
func vrrpdConf(s setup) string {
	var b strings.Builder
	for _, v := range s.vs {
		line := func(format string, args ...any) {
			fmt.Fprintf(&b, " vrrp %d "+format+"\n", append([]any{v.VRID}, args...)...)
		}
		fmt.Fprintf(&b, "interface %s\n", v.Interface)
		line("version %d", v.Version)
		line("priority %d", v.Priority)
		line("advertisement-interval %d", v.Interval.Milliseconds())
		if v.NoPreempt {
			fmt.Fprintf(&b, " no vrrp %d preempt\n", v.VRID)
		}
		family := "ip"
		if v.isIPv6() {
			family = "ipv6"
		}
		for _, a := range v.Addresses {
			line("%s %s", family, a.Addr())
		}
	}
	return b.String()
}
