package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// maxWire is what a dashboard may weigh on the wire, with all that it loads.
const maxWire = 100_000

// largeSite is three nodes with 1,000 VIPs and 1,000 services of five servers each.
func largeSite(t *testing.T) *cluster {
	t.Helper()
	var addresses []string
	var services strings.Builder
	for i := range 1000 {
		address := fmt.Sprintf("198.18.%d.%d", 4+i/250, 1+i%250)
		addresses = append(addresses, address+"/32")
		fmt.Fprintf(&services, "[[service]]\nname = \"web-%04d\"\naddress = \"%s:80\"\nprotocol = \"tcp\"\nforward = \"nat\"\n", i, address)
		for j := range 5 {
			fmt.Fprintf(&services, "[[service.server]]\naddress = \"10.%d.%d.%d:80\"\n", j, i/250, 1+i%250)
		}
	}
	c := newCluster(t, newNetwork(t), failover("wan"), vips("eth0", addresses...))
	for _, n := range c.Nodes {
		addTables(t, n, services.String())
	}
	c.must(c.StartAll())
	return c
}

// The dashboard of a large site is small. How fast it is, docs/dashboard.md has from here.
func TestDashboardOfALargeSite(t *testing.T) {
	lab.NeedBrowser(t)
	c := largeSite(t)
	b := openBrowser(t, c.Nodes[0].Host)
	b.screen(1440, 900, "light")
	b.run(chromedp.Navigate(listening))
	b.shows("#headline", "1000 services wait")
	b.shows("#vips", "owns and holds 1000 VIPs", "more VIPs, all held")
	b.shows("#services", "lb1: 1000 services, 5000 of 5000 servers up", "lb3: 1000 services")
	var wire, plain float64
	var answers, styles, paints []float64
	for range 9 {
		b.run(chromedp.Reload())
		b.shows("#live", "live,")
		b.becomes(`performance.getEntriesByName("first-contentful-paint").length > 0`)
		wire = eval[float64](b, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, e) => sum + e.transferSize, 0)`)
		plain = eval[float64](b, `performance.getEntriesByType("navigation")[0].decodedBodySize`)
		answers = append(answers, eval[float64](b, `performance.getEntriesByType("navigation")[0].responseEnd`))
		styles = append(styles, eval[float64](b, `performance.getEntriesByType("resource").find(e => e.name.endsWith(".css")).responseEnd`))
		paints = append(paints, eval[float64](b, `performance.getEntriesByName("first-contentful-paint")[0].startTime`))
	}
	t.Logf("on the wire %.0f bytes, the page %.0f bytes before it is compressed, %.0f elements", wire, plain, eval[float64](b, `document.querySelectorAll("*").length`))
	for what, list := range map[string][]float64{"answered": answers, "style there": styles, "first paint": paints} {
		slices.Sort(list)
		t.Logf("%s after %.0f ms (median), %.0f to %.0f ms", what, list[len(list)/2], list[0], list[len(list)-1])
	}
	if wire > maxWire || plain > 2*maxWire {
		t.Errorf("%.0f bytes on the wire, at most %d are allowed; the page is %.0f bytes", wire, maxWire, plain)
	}
	b.picture("large")
	b.looksWell()
}
