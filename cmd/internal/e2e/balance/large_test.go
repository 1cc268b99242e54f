//go:build ipvs

package balance

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lvs "github.com/cloudflare/ipvs"
	"github.com/cloudflare/ipvs/netmask"
)

// The large table has largeServices services with largeServers servers each.
const (
	largeServices = 1000
	largeServers  = 10
)

// looks is a folder with a file for each server of the large table, by which it is known to
// be well: "500-5". That of largeOne is in a folder of its own. "" is for no looks.
type looks string

// largeOne is the server that is changed.
var largeOne = struct{ service, server int }{500, 5}

func isLargeOne(service, server int) bool {
	return service == largeOne.service && server == largeOne.server
}

// newLooks makes the files. The name is short, as a config has 10,000 of them and 1 MiB.
func newLooks(b *testing.B) looks {
	b.Helper()
	dir, err := os.MkdirTemp("", "l")
	must(b, err)
	b.Cleanup(func() { _ = os.RemoveAll(dir) }) // the kernel ends soon
	l := looks(dir)
	must(b, os.Mkdir(filepath.Join(dir, "one"), 0o700))
	for i := range largeServices {
		for j := range largeServers {
			must(b, os.WriteFile(l.of(i, j), []byte("0\n"), 0o600))
		}
	}
	return l
}

func (l looks) of(service, server int) string {
	name := fmt.Sprintf("%d-%d", service, server)
	if isLargeOne(service, server) {
		name = "one/" + name
	}
	return filepath.Join(string(l), name)
}

func (l looks) one() string { return l.of(largeOne.service, largeOne.server) }

// largeVIP is where a service is, by its number: addresses of the lab, of which each has
// many ports.
func largeVIP(service int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, 0, byte(101 + service/250)}), uint16(1000+service%250))
}

func largeServer(service, server int) netip.AddrPort {
	address := netip.AddrFrom4([4]byte{10, byte(service / 250), byte(1 + service%250), byte(1 + server)})
	return netip.AddrPortFrom(address, largeVIP(service).Port())
}

// largeLines are what ipvsadm(8) restores.
func largeLines() string {
	var b strings.Builder
	for i := range largeServices {
		fmt.Fprintf(&b, "-A -t %s -s wrr\n", largeVIP(i))
		for j := range largeServers {
			fmt.Fprintf(&b, "-a -t %s -r %s -g -w 1\n", largeVIP(i), largeServer(i, j))
		}
	}
	return b.String()
}

// largeTOML is the table in the words of perch, where largeOne has a weight.
func largeTOML(l looks, weight int) string {
	var b strings.Builder
	for i := range largeServices {
		fmt.Fprintf(&b, "[[service]]\naddress = %q\nscheduler = \"wrr\"\nforward = \"dr\"\ninhibit_on_failure = true\nserver = [\n", largeVIP(i))
		for j := range largeServers {
			fmt.Fprintf(&b, "{address=%q", largeServer(i, j).Addr())
			if isLargeOne(i, j) {
				fmt.Fprintf(&b, ",weight=%d", weight)
			}
			if l != "" {
				fmt.Fprintf(&b, ",check={kind=\"file\",target=%q,interval=\"1h\"}", l.of(i, j))
			}
			b.WriteString("},\n")
		}
		b.WriteString("]\n")
	}
	return b.String()
}

// largeConf is the table in the words of keepalived(8), where the number in the file of
// largeOne is added to its weight.
func largeConf(l looks) string {
	var files, services strings.Builder
	for i := range largeServices {
		vip := largeVIP(i)
		fmt.Fprintf(&services, "virtual_server %s %d {\nlb_algo wrr\nlb_kind DR\nprotocol TCP\ninhibit_on_failure\n", vip.Addr(), vip.Port())
		for j := range largeServers {
			server := largeServer(i, j)
			fmt.Fprintf(&services, "real_server %s %d {\nweight 1\n", server.Addr(), server.Port())
			if l != "" {
				fmt.Fprintf(&files, "track_file f%d-%d {\nfile %s\n}\n", i, j, l.of(i, j))
				fmt.Fprintf(&services, "FILE_CHECK {\ntrack_file f%d-%d\n%s}\n", i, j, dynamic(i, j))
			}
			services.WriteString("}\n")
		}
		services.WriteString("}\n")
	}
	return files.String() + services.String()
}

func dynamic(service, server int) string {
	if isLargeOne(service, server) {
		return "dynamic\n"
	}
	return ""
}

// inKernel is a service as the library of the kernel's IPVS is asked for it.
func inKernel(service int) lvs.Service {
	vip := largeVIP(service)
	return lvs.Service{
		Address: vip.Addr(), Port: vip.Port(), Family: lvs.INET, Protocol: lvs.TCP,
		Netmask: netmask.MaskFrom(32, 32), Scheduler: "wrr",
	}
}
