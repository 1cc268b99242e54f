package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

var keepalived = implementation{
	name:       "keepalived",
	prepare:    prepareKeepalived,
	standby:    "Entering BACKUP STATE",
	kernelHops: true,
}

func prepareKeepalived(t *testing.T, s setup) *lab.Daemon {
	t.Helper()
	d, err := lab.NewKeepalived(s.host, s.dir, keepalivedConf(s))
	must(t, err)
	return d
}

// keepalivedConf returns the text of a keepalived.conf.
func keepalivedConf(s setup) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("global_defs {\n\trouter_id %s\n}", s.host.Name)
	if s.synced {
		line("vrrp_sync_group all {\n\tgroup {")
		for _, v := range s.vs {
			line("\t\t%s", v.Name)
		}
		line("\t}\n}")
	}
	for _, v := range s.vs {
		line("vrrp_instance %s {\n\tstate BACKUP\n\tinterface %s\n\tversion %d", v.Name, v.Interface, v.Version)
		line("\tvirtual_router_id %d\n\tpriority %d\n\tadvert_int %g", v.VRID, v.Priority, v.Interval.Seconds())
		if v.NoPreempt {
			line("\tnopreempt")
		}
		if v.PreemptDelay > 0 {
			line("\tpreempt_delay %g", v.PreemptDelay.Seconds())
		}
		if v.VirtualMAC {
			line("\tuse_vmac")
		}
		if v.PlainAdverts {
			line("\tvmac_xmit_base")
		}
		if v.Group.IsValid() {
			line("\tmcast_dst_ip %s", v.Group)
		}
		if v.Auth != "" {
			line("\tauthentication {\n\t\tauth_type %s\n\t\tauth_pass %s\n\t}", strings.ToUpper(v.Auth), v.Secret)
		}
		if v.Unicast {
			line("\tunicast_src_ip %s\n\tunicast_peer {", v.unicastAddress(s.host))
			for _, p := range s.peers {
				line("\t\t%s", v.unicastAddress(p))
			}
			line("\t}")
		}
		if len(v.Addresses) > 0 {
			line("\tvirtual_ipaddress {")
			for _, a := range v.Addresses {
				line("\t\t%s", a)
			}
			line("\t}")
		}
		line("}")
	}
	return b.String()
}
