package web

import (
	"slices"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// The types of metrics.
const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"
)

// metric is what the samples of one name have in common.
type metric struct {
	name, kind, help string
	labels           []string
}

// declared are all metrics of perch, whether they have samples or not.
func declared() (all []metric) {
	for _, f := range families() {
		all = append(all, f.metric)
	}
	return slices.Concat(all, metricsOf(vipMetrics(), anycastMetrics()), metricsOf(routerMetrics()), metricsOf(addressMetrics()),
		metricsOf(serviceMetrics(), serviceCounts()), metricsOf(serverMetrics(), serverCounts()))
}

// render appends the metrics in the text format of Prometheus, version 0.0.4: those of
// few samples through client_golang, and tables of thousands by a writer of perch's own,
// which takes a thirtieth of the time. An error is of those that are missing.
func render(b []byte, m *Metrics) ([]byte, error) {
	b, err := appendFamilies(b, m)
	b = appendTable(b, m.VIPs, func(v *VIP) []string { return []string{v.Address, v.Interface} }, vipMetrics())
	b = appendTable(b, m.Anycast, func(v *VIP) []string { return []string{v.Address, v.Interface} }, anycastMetrics())
	b = appendTable(b, m.Routers, func(r *api.VirtualRouter) []string { return []string{r.Name} }, routerMetrics())
	b = appendTable(b, addressesOf(m.Routers), func(a *routerAddress) []string { return []string{a.router, a.Address, a.Interface} }, addressMetrics())
	return appendServices(b, m), err
}

// one is 1 for what is so, as metrics have it.
func one(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}
