package web

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// family is a metric of few samples.
type family struct {
	metric
	collect func(*Metrics, *sink)
}

// families are all metrics of few samples.
func families() []family {
	return slices.Concat(nodeFamilies(), fenceFamilies(), clusterFamilies(), announceFamilies(), checkFamilies(),
		notifyFamilies(), clockFamilies(), routerFamilies(), bgpFamilies(), ipvsFamilies())
}

// sink takes the samples of a family.
type sink struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	into chan<- prometheus.Metric
}

// sinkOf returns what takes the samples of a metric.
func sinkOf(m metric, into chan<- prometheus.Metric) *sink {
	kind := prometheus.GaugeValue
	if m.kind == counter {
		kind = prometheus.CounterValue
	}
	return &sink{prometheus.NewDesc(m.name, m.help, m.labels, nil), kind, into}
}

// add takes a sample, with the values of its labels.
func (s *sink) add(value float64, labels ...string) {
	s.put(labels, func(labels []string) (prometheus.Metric, error) {
		return prometheus.NewConstMetric(s.desc, s.kind, value, labels...)
	})
}

// count is add for what is counted.
func (s *sink) count(n uint64, labels ...string) { s.add(float64(n), labels...) }

// state is add for what is so, or is not.
func (s *sink) state(is bool, labels ...string) { s.count(one(is), labels...) }

// spread takes a histogram.
func (s *sink) spread(h Spread, labels ...string) {
	s.put(labels, func(labels []string) (prometheus.Metric, error) {
		return prometheus.NewConstHistogram(s.desc, h.Count, h.Sum.Seconds(), h.cumulative(), labels...)
	})
}

func (s *sink) put(labels []string, sample func(labels []string) (prometheus.Metric, error)) {
	fit := make([]string, len(labels))
	for i, label := range labels {
		fit[i] = readable(label)
	}
	m, err := sample(fit)
	if err != nil {
		m = prometheus.NewInvalidMetric(s.desc, err)
	}
	s.into <- m
}

// collection is Metrics as client_golang reads them.
type collection struct{ *Metrics }

// Describe implements prometheus.Collector.
func (c collection) Describe(into chan<- *prometheus.Desc) {
	for _, f := range families() {
		into <- prometheus.NewDesc(f.name, f.help, f.labels, nil)
	}
}

// Collect implements prometheus.Collector.
func (c collection) Collect(into chan<- prometheus.Metric) {
	for _, f := range families() {
		f.collect(c.Metrics, sinkOf(f.metric, into))
	}
}

// appendFamilies appends the metrics of few samples. An error is of those that are missing.
func appendFamilies(b []byte, m *Metrics) ([]byte, error) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(collection{m}); err != nil {
		return b, fmt.Errorf("declare metrics: %w", err)
	}
	return appendGathered(b, registry)
}

// appendGathered appends what a registry has. What is in order is there whatever is not.
func appendGathered(b []byte, from prometheus.Gatherer) ([]byte, error) {
	found, err := from.Gather()
	out := bytes.NewBuffer(b)
	for _, f := range found {
		if _, wrong := expfmt.MetricFamilyToText(out, f); wrong != nil {
			err = errors.Join(err, wrong)
		}
	}
	return out.Bytes(), err
}

// newProcess returns what is known of any process written in Go.
func newProcess() prometheus.Gatherer {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}
