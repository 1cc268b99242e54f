package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

var perch = implementation{
	name:    "perch",
	prepare: preparePerch,
	standby: `msg="virtual router" name=`,
	fenced:  true,
}

func preparePerch(t *testing.T, s setup) *lab.Daemon {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(s.dir, "data"), 0o700))
	for _, v := range s.vs {
		must(t, os.WriteFile(filepath.Join(s.dir, v.Name+".secret"), []byte(v.Secret+"\n"), 0o600))
	}
	file := filepath.Join(s.dir, "perch.toml")
	must(t, os.WriteFile(file, []byte(perchToml(s)), 0o600))
	return lab.NewDaemon("perch on "+s.host.Name, s.host, s.dir, perchBinary(t), "serve", "-c", file)
}

// perchToml returns the text of a perch.toml.
func perchToml(s setup) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("[node]\nname = %q\nlog_level = \"debug\"", s.host.Name)
	line("data_dir = %q\nsocket = %q", filepath.Join(s.dir, "data"), filepath.Join(s.dir, "perch.sock"))
	var names []string
	for _, v := range s.vs {
		names = append(names, v.Name)
		line("\n[[vrrp]]\nname = %q\ninterface = %q\nvrid = %d\nversion = %d", v.Name, v.Interface, v.VRID, v.Version)
		line("priority = %d\nadvert_interval = %q", v.Priority, v.Interval)
		line("addresses = %s", tomlList(v.Addresses))
		if v.Family != "" {
			line("family = %q", v.Family)
		}
		if v.NoPreempt {
			line("preempt = false")
		}
		if v.PreemptDelay > 0 {
			line("preempt_delay = %q", v.PreemptDelay)
		}
		if v.VirtualMAC {
			line("virtual_mac = true\nvirtual_mac_adverts = %v", !v.PlainAdverts)
		}
		if v.Group.IsValid() {
			line("multicast_group = %q", v.Group)
		}
		if v.Unicast {
			var peers []fmt.Stringer
			for _, p := range s.peers {
				peers = append(peers, v.unicastAddress(p))
			}
			line("source = %q\nunicast_peers = %s", v.unicastAddress(s.host), tomlList(peers))
		}
		switch secret := filepath.Join(s.dir, v.Name+".secret"); v.Auth {
		case "pass", "ah":
			line("auth = {kind = %q, secret_file = %q}", v.Auth, secret)
		case "hmac":
			line("auth = {kind = \"hmac\", key = [{id = 1, file = %q}], active = 1}", secret)
		}
	}
	if s.synced {
		line("\n[[sync_group]]\nname = \"all\"\nmembers = [\"%s\"]", strings.Join(names, `", "`))
	}
	return b.String()
}

func tomlList[T fmt.Stringer](list []T) string {
	var quoted []string
	for _, item := range list {
		quoted = append(quoted, fmt.Sprintf("%q", item.String()))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
