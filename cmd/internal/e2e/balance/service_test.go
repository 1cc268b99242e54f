//go:build ipvs

package balance

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// service is a [[service]] of perch with all web servers of the bed.
type service struct {
	name string
	mode
	family
	port      uint16
	scheduler string
	keys      string // more of them, each a line
	flags     string // that ipvsadm has for them
}

// plain is the service of a mode in a family that is like any other.
func plain(m mode, f family) service {
	return service{name: m.name + "-" + f.String(), mode: m, family: f, port: lab.HTTPPort, scheduler: "rr"}
}

// plainOf are the plain services of modes in both families.
func plainOf(of ...mode) (all []service) {
	for _, m := range of {
		for _, f := range families {
			all = append(all, plain(m, f))
		}
	}
	return all
}

// address is where clients come to.
func (s service) address() netip.AddrPort { return netip.AddrPortFrom(s.vips[s.family], s.port) }

// server is the name of a real server.
func (s service) server(w *web) string { return s.realServer(w, s.family).String() }

// The checks: portCheck is that of plain services behind a tunnel, webCheck that of all
// others. Their limits are for a kernel that is slow.
const (
	webCheck  = `{kind = "http", url = ["/"], interval = "1s", fast_interval = "300ms", timeout = "5s", rise = 1, fall = 2}`
	portCheck = `{kind = "tcp", interval = "1s", fast_interval = "300ms", timeout = "5s", rise = 1, fall = 2}`
)

// table is the service as the config of perch has it.
func (s service) table(webs []*web) string {
	check := webCheck
	if s.name == "tunnel-"+s.family.String() {
		check = portCheck
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n[[service]]\nname = %q\naddress = %q\nscheduler = %q\nforward = %q\n%scheck = %s\nserver = [",
		s.name, s.address(), s.scheduler, s.mode.name, s.keys, check)
	for _, w := range webs {
		fmt.Fprintf(&b, "{address = %q}, ", s.server(w))
	}
	b.WriteString("]\n")
	return b.String()
}

// tables is a config of services.
func (b *bed) tables(services ...service) string {
	var text strings.Builder
	for _, s := range services {
		text.WriteString(s.table(b.webs[:]))
	}
	return text.String()
}

// weights are those of real servers that are not 1.
type weights map[*web]int

const gone = -1 // for a server that is not in the table

// lines is the service as ipvsadm -Sn has it, unless it is changed by weights.
func (s service) lines(webs []*web, other weights) []string {
	lines := []string{strings.TrimSpace(fmt.Sprintf("-A -t %s -s %s %s", s.address(), s.scheduler, s.flags))}
	for _, w := range webs {
		weight, changed := other[w]
		if !changed {
			weight = 1
		}
		if weight != gone {
			lines = append(lines, s.line(s.server(w), weight))
		}
	}
	return lines
}

// line is a real server as ipvsadm -Sn has it.
func (s service) line(server string, weight int) string {
	line := fmt.Sprintf("-a -t %s -r %s %s -w %d", s.address(), server, s.flag, weight)
	if s.flag == tunnel.flag {
		line += " --tun-type ipip"
	}
	return line
}

// want is what a director is to have of services in which some servers have other weights.
func (b *bed) want(other weights, services ...service) (lines []string) {
	for _, s := range services {
		lines = append(lines, s.lines(b.webs[:], other)...)
	}
	return lines
}

// saved is what the director has in IPVS.
func (d *director) saved() []string {
	d.bed.t.Helper()
	var lines []string
	for line := range strings.Lines(d.ipvsadm("", "-Sn")) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return slices.Sorted(slices.Values(lines))
}

// has waits until all that the director has in IPVS is that.
func (d *director) has(want []string) {
	d.bed.t.Helper()
	d.bed.settles(d.Name+" has the table", func() string {
		return different(d.saved(), want)
	})
}

// different says how a table is not as it is wanted; "" if it is.
func different(got, want []string) string {
	var b strings.Builder
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&b, "unwanted: %s\n", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&b, "missing: %s\n", line)
		}
	}
	return b.String()
}

// settles waits until nothing is wrong any more.
func (b *bed) settles(what string, wrong func() string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for trouble := wrong(); trouble != ""; trouble = wrong() {
		if time.Now().After(deadline) {
			b.t.Fatalf("after %s still not: %s:\n%s", patience, what, trouble)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
