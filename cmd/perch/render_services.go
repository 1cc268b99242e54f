package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// fewServers is how many real servers perch status shows whole. Of more only those that
// are not well are, with their services.
const fewServers = 40

// drawServices draws the services of the node for perch status: a line for each, and
// below it one for each of its servers. Nothing if there are none.
func drawServices(s api.Status, v view) []string {
	total, well := 0, 0
	for _, service := range s.Services {
		total += len(service.Servers)
	}
	t := table{header: []string{"SERVICE", "STATE", "WEIGHT", "CONNECTIONS", "NOTE"}}
	for _, service := range s.Services {
		var rows [][]cell
		for _, server := range service.Servers {
			if wellServer(server) {
				well++
			}
			if total <= fewServers || !wellServer(server) {
				rows = append(rows, serverRow(server))
			}
		}
		if total <= fewServers || len(rows) > 0 || !wellService(service) {
			t.rows = append(append(t.rows, serviceRow(service)), rows...)
		}
	}
	var drawn string
	if len(t.rows) > 0 {
		drawn = t.draw(v)
	}
	if total > fewServers {
		drawn += wrap(fmt.Sprintf("services: %d with %d servers, of which %d are well", len(s.Services), total, well), v.width) + "\n"
	}
	if drawn += drawIPVS(s.IPVS, v); drawn == "" {
		return nil
	}
	return []string{drawn}
}

func wellService(s api.Service) bool {
	settled := s.State == api.ServiceStandby || s.State == api.ServiceReady && s.Reason == ""
	return settled && s.Quorum.Up && !s.Sorry
}

func wellServer(s api.Server) bool {
	return s.State == api.ServerUp && s.Error == "" && s.OrderedWeight == nil
}

func serviceRow(s api.Service) []cell {
	active := uint64(0)
	for _, server := range s.Servers {
		active += uint64(server.Connections.Active)
	}
	return []cell{word(s.Name), serviceStateCell(s.State), quorumCell(s), word(strconv.FormatUint(active, 10)), serviceNoteCell(s)}
}

func serviceStateCell(state string) cell {
	switch state {
	case api.ServiceReady:
		return cell{state, good}
	case api.ServiceStandby:
		return word(state)
	case api.ServiceBlocked:
		return cell{state, bad}
	}
	return cell{state, doubtful}
}

// quorumCell says which weight the healthy servers have together, and how much is needed
// if that is more than any.
func quorumCell(s api.Service) cell {
	c := word(strconv.Itoa(s.Quorum.Weight))
	if s.Quorum.Needed > 1 {
		c.text += fmt.Sprintf(" of %d", s.Quorum.Needed)
	}
	if !s.Quorum.Up {
		c.style = bad
	}
	return c
}

// serviceNoteCell says how a service balances, and what is wrong with it.
func serviceNoteCell(s api.Service) cell {
	note := cell{style: plain}
	notes := []string{strings.TrimSpace(s.Scheduler + " " + s.Forward)}
	if s.Sorry {
		notes, note.style = append(notes, "sorry server "+s.SorryServer), doubtful
	}
	if !s.Quorum.Up {
		notes, note.style = append(notes, "no quorum"), bad
	}
	if s.Reason != "" {
		notes = append(notes, s.Reason)
	}
	if s.Reason != "" && s.State != api.ServiceStandby {
		note.style = bad
	}
	note.text = strings.Join(notes, ", ")
	return note
}

func serverRow(s api.Server) []cell {
	return []cell{
		word("  " + s.Address), serverStateCell(s.State), weightCell(s),
		word(strconv.FormatUint(uint64(s.Connections.Active), 10)), serverNoteCell(s),
	}
}

func serverStateCell(state string) cell {
	switch state {
	case api.ServerUp:
		return cell{state, good}
	case api.ServerDown:
		return cell{state, bad}
	}
	return cell{state, doubtful}
}

// weightCell is the weight that counts, and the configured one if that is another.
func weightCell(s api.Server) cell {
	c := word(strconv.FormatUint(uint64(s.Weight), 10))
	if s.Weight != s.ConfiguredWeight {
		c.text += fmt.Sprintf(" of %d", s.ConfiguredWeight)
	}
	return c
}

func serverNoteCell(s api.Server) cell {
	note := cell{style: plain}
	var notes []string
	if s.Drained && s.State != api.ServerDrained && s.State != api.ServerDraining {
		notes, note.style = append(notes, "drained"), doubtful
	}
	if s.OrderedWeight != nil {
		notes, note.style = append(notes, fmt.Sprintf("weight %d by order", *s.OrderedWeight)), doubtful
	}
	if s.Error != "" {
		notes, note.style = append(notes, s.Error), doubtful
	}
	if s.Reason != "" && s.Reason != s.Error {
		notes = append(notes, s.Reason)
	}
	if s.State == api.ServerDown {
		note.style = bad
	}
	note.text = strings.Join(notes, ", ")
	return note
}

// drawIPVS draws what is to be said of the kernel's side as a whole.
func drawIPVS(i *api.IPVS, v view) string {
	if i == nil {
		return ""
	}
	var b strings.Builder
	switch {
	case i.State == api.ServiceStandby:
	case i.State != api.ServiceReady:
		b.WriteString(v.paint(wrap(clean(strings.TrimSuffix("IPVS is "+i.State+": "+i.Reason, ": ")), v.width), bad) + "\n")
	case i.Reason != "":
		b.WriteString(v.paint(wrap(clean("IPVS: "+i.Reason), v.width), doubtful) + "\n")
	}
	if len(i.Foreign) > 0 {
		b.WriteString(wrap(clean("IPVS has what somebody else made, which is left alone: "+strings.Join(i.Foreign, ", ")), v.width) + "\n")
	}
	if s := i.Sync; s != nil {
		line := fmt.Sprintf("IPVS sync daemon: %s on %s, ID %d", s.Role, s.Interface, s.ID)
		style := plain
		if s.Reason != "" {
			line, style = line+": "+s.Reason, doubtful
		}
		b.WriteString(v.paint(wrap(clean(line), v.width), style) + "\n")
	}
	return b.String()
}

// renderServices draws the answer of `perch server`: all services and servers.
func renderServices(s api.Status, v view) string {
	parts := []string{}
	if len(s.Services) == 0 {
		parts = append(parts, wrap(clean(s.Node)+" has no services", v.width)+"\n")
	} else {
		parts = append(parts, serversTable(s.Services, v.now).draw(v))
	}
	if ipvs := drawIPVS(s.IPVS, v); ipvs != "" {
		parts = append(parts, ipvs)
	}
	return strings.Join(parts, "\n")
}

func serversTable(services []api.Service, now time.Time) table {
	t := table{header: []string{"SERVICE", "SERVER", "FORWARD", "STATE", "SINCE", "WEIGHT", "ACTIVE", "INACTIVE", "CONN/S", "NOTE"}}
	for _, service := range services {
		head := serviceNoteCell(service)
		t.rows = append(t.rows, []cell{
			word(service.Name), word(""), word(service.Forward), serviceStateCell(service.State), word(""), quorumCell(service),
			word(""), word(""), word(strconv.FormatUint(service.Counters.ConnectionRate, 10)), head,
		})
		for _, s := range service.Servers {
			t.rows = append(t.rows, []cell{
				word(service.Name), word(s.Address), word(s.Forward), serverStateCell(s.State), word(age(s.Since, now)), weightCell(s),
				word(strconv.FormatUint(uint64(s.Connections.Active), 10)), word(strconv.FormatUint(uint64(s.Connections.Inactive), 10)),
				word(strconv.FormatUint(s.Counters.ConnectionRate, 10)), serverNoteCell(s),
			})
		}
	}
	return t
}
