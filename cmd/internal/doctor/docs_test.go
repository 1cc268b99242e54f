package doctor

import (
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// needy is a host for which all is needed: its servers are in the network of the VIP, and
// it is one of them itself.
func needy() *patient {
	p := newPatient()
	p.Interfaces[0].Addresses = append(p.Interfaces[0].Addresses, netip.MustParsePrefix("198.18.0.100/32"))
	p.Interfaces[1].Advertised = true
	p.IPVS.Sync = &config.IPVSSync{Interface: "eth1"}
	web := &p.Services[0]
	web.Persistence = time.Minute
	web.Servers = []config.RealServer{realServer("198.18.0.11:80", "nat"), realServer("198.18.0.1:80", "dr")}
	return p
}

// The table of docs/ipvs-host.md has the sysctls that are set, and their values.
func TestDocsKnowTheSysctls(t *testing.T) {
	text, err := os.ReadFile("../../../docs/ipvs-host.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	name := regexp.MustCompile("`(net[^`]+)`")
	for _, row := range regexp.MustCompile("(?m)^\\| (`net[^|]+) \\| ([^|]+) \\|").FindAllStringSubmatch(string(text), -1) {
		values := strings.Split(row[2], ", ")
		for i, match := range name.FindAllStringSubmatch(row[1], -1) {
			documented[match[1]] = values[min(i, len(values)-1)]
		}
	}
	p, needed := needy(), map[string]string{}
	for _, n := range needs(p.Config, p.Facts) {
		for _, s := range n.settings {
			needed[strings.Replace(sysctl.Display(s.Name), ".eth0.", ".IF.", 1)] = strconv.Itoa(s.Value)
		}
	}
	if diff := cmp.Diff(needed, documented); diff != "" {
		t.Errorf("-needed +documented:\n%s", diff)
	}
}
