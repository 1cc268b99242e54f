package web

import (
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// render appends the metrics in the text format of Prometheus, version 0.0.4.
func render(b []byte, m *Metrics) []byte {
	b = appendHead(b, metric{buildInfo, gauge, "What this perch was built from; always 1."})
	b = appendSample(b, buildInfo, appendLabels(nil, "version", m.Version, "goversion", m.GoVersion), 1)
	if m.BGP != nil {
		b = renderBGP(b, m.BGP)
	}
	if m.IPVS != nil {
		b = appendHead(b, metric{ipvsUp, gauge, "1 if the kernel's IPVS is ready; else perch status has the reason."})
		b = appendSample(b, ipvsUp, nil, one(m.IPVS.State == api.ServiceReady))
		b = appendHead(b, metric{ipvsCounted, gauge, "1 if the kernel's table could be read; else what it counts is missing here."})
		b = appendSample(b, ipvsCounted, nil, one(m.Counted))
	}
	if len(m.Services) == 0 {
		return b
	}
	b = renderServices(b, m)
	return renderServers(b, m)
}

func renderServices(b []byte, m *Metrics) []byte {
	var labels labelSets
	for i := range m.Services {
		labels.add("service", m.Services[i].Name)
	}
	b = renderInfo(b, m.Services)
	b = renderStates(b, m.Services, &labels)
	list := serviceMetrics()
	if m.Counted {
		list = append(list, serviceCounts()...)
	}
	for _, each := range list {
		b = appendHead(b, each.metric)
		for i := range m.Services {
			b = appendSample(b, each.name, labels.at(i), each.value(&m.Services[i]))
		}
	}
	return b
}

func renderInfo(b []byte, services []api.Service) []byte {
	b = appendHead(b, metric{serviceInfo, gauge, "What the service is by the config; always 1."})
	var labels []byte
	for i := range services {
		s := &services[i]
		mark := ""
		if s.FWMark != 0 {
			mark = strconv.FormatUint(uint64(s.FWMark), 10)
		}
		labels = appendLabels(labels[:0], "service", s.Name, "address", strings.Join(s.Addresses, ","), "fwmark", mark,
			"protocol", s.Protocol, "scheduler", s.Scheduler, "forward", s.Forward)
		b = appendSample(b, serviceInfo, labels, 1)
	}
	return b
}

func renderStates(b []byte, services []api.Service, labels *labelSets) []byte {
	b = appendHead(b, metric{serviceState, gauge, "The state that the service is in, as a label; always 1."})
	for i := range services {
		b = appendState(b, serviceState, labels.at(i), services[i].State)
	}
	return b
}

// appendState appends a sample that has a state among its labels.
func appendState(b []byte, name string, labels []byte, state string) []byte {
	b = append(append(b, name...), '{')
	b = append(append(b, labels...), ',')
	b = appendLabels(b, "state", state)
	return append(b, "} 1\n"...)
}

func renderServers(b []byte, m *Metrics) []byte {
	var labels labelSets
	var servers []*api.Server
	for i := range m.Services {
		s := &m.Services[i]
		for j := range s.Servers {
			labels.add("service", s.Name, "server", s.Servers[j].Address)
			servers = append(servers, &s.Servers[j])
		}
	}
	if len(servers) == 0 {
		return b
	}
	b = appendHead(b, metric{serverState, gauge, "The state that the server is in, as a label; always 1."})
	for i, s := range servers {
		b = appendState(b, serverState, labels.at(i), s.State)
	}
	list := serverMetrics()
	if m.Counted {
		list = append(list, serverCounts()...)
	}
	for _, each := range list {
		b = appendHead(b, each.metric)
		for i, s := range servers {
			b = appendSample(b, each.name, labels.at(i), each.value(s))
		}
	}
	return b
}
