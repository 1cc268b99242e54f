//go:build ipvs

package balance

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// counts opens connections to a service that nobody else uses, and has the metrics of the
// owner tell of them what is true, and what ipvsadm says.
func (l *balancers) counts(s service) {
	b := l.bed
	b.t.Helper()
	const each = 2 // for each server, as its scheduler is rr
	visitors := b.invite(each*len(b.webs), s.address())
	want := []string{
		"perch_ipvs_up 1",
		"perch_ipvs_scrape_success 1",
		fmt.Sprintf("perch_service_owner{service=%q} 1", s.name),
		fmt.Sprintf("perch_service_servers_up{service=%q} %d", s.name, len(b.webs)),
		fmt.Sprintf("perch_service_connections_total{service=%q} %d", s.name, len(visitors)),
	}
	for _, w := range b.webs {
		labels := fmt.Sprintf("{service=%q,server=%q}", s.name, s.server(w))
		want = append(want,
			fmt.Sprintf("perch_server_connections_total%s %d", labels, each),
			fmt.Sprintf("perch_server_active_connections%s %d", labels, each),
			fmt.Sprintf("perch_server_weight%s 1", labels))
	}
	wrong := ""
	defer func() {
		if b.t.Failed() {
			b.t.Log("metrics:\n" + wrong)
		}
	}()
	eventually(b.t, "the metrics tell of all connections", func() bool {
		text := l.metrics(l.owner)
		wrong = lacking(text, append(want, l.director(l.owner).counted(s)...))
		return wrong == ""
	})
	spare := l.metrics(l.spare)
	for _, line := range []string{
		fmt.Sprintf("perch_service_owner{service=%q} 0", s.name),
		fmt.Sprintf("perch_service_connections_total{service=%q} 0", s.name),
	} {
		if wrong := lacking(spare, []string{line}); wrong != "" {
			b.t.Errorf("%s, which is not the owner: %s", l.spare.Name, wrong)
		}
	}
	l.showsCounts(s, each)
	for _, g := range visitors {
		must(b.t, g.conn.Close())
	}
}

// counted is what ipvsadm says that the kernel has counted of a service, as metrics.
func (d *director) counted(s service) (lines []string) {
	d.bed.t.Helper()
	table := d.ipvsadm("", "-L", "-n", "--stats", "--exact", "-t", s.address().String())
	names := []string{"connections", "incoming_packets", "outgoing_packets", "incoming_bytes", "outgoing_bytes"}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) != 2+len(names) || fields[0] != "TCP" && fields[0] != "->" || fields[1] == "RemoteAddress:Port" {
			continue
		}
		for i, name := range names {
			if fields[0] == "TCP" {
				lines = append(lines, fmt.Sprintf("perch_service_%s_total{service=%q} %s", name, s.name, fields[2+i]))
			} else {
				lines = append(lines, fmt.Sprintf("perch_server_%s_total{service=%q,server=%q} %s", name, s.name, fields[1], fields[2+i]))
			}
		}
	}
	if len(lines) != len(names)*(1+len(d.bed.webs)) {
		d.bed.t.Fatalf("ipvsadm says:\n%s", table)
	}
	return lines
}

// lacking returns those of the lines that a text has not, each on a line of its own.
func lacking(text string, lines []string) string {
	var missing strings.Builder
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			missing.WriteString("not there: " + line + "\n")
		}
	}
	return missing.String()
}

// metrics asks a node for its metrics.
func (c *cluster) metrics(n *lab.Node) string {
	c.bed.t.Helper()
	return c.page(n, "/metrics")
}

// page asks a node for what it serves at a path, from the node itself.
func (c *cluster) page(n *lab.Node, path string) string {
	c.bed.t.Helper()
	ctx, cancel := context.WithTimeout(c.bed.t.Context(), 10*time.Second)
	defer cancel()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return n.Host.Dial(ctx, "tcp", netip.MustParseAddrPort("127.0.0.1:7401"))
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:7401"+path, nil)
	must(c.bed.t, err)
	response, err := client.Do(request)
	must(c.bed.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(c.bed.t, err)
	return string(text)
}
