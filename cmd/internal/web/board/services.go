package board

import (
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// serviceRow is a service as the node has it that its traffic comes to; where that is
// not known, as this one has it.
type serviceRow struct {
	*api.Service
	size api.Size
	on   *party
}

// judgedServices returns the services of all nodes, each once.
func judgedServices(all []party) []judged[serviceRow] {
	var rows []serviceRow
	at := map[string]int{}
	for i := range all {
		p := &all[i]
		for j := range p.Services {
			row := serviceRow{&p.Services[j], p.Sizes[j], p}
			k, known := at[row.Name]
			switch {
			case !known:
				at[row.Name] = len(rows)
				rows = append(rows, row)
			case row.Here && (!rows[k].Here || rows[k].on.stale != ""):
				rows[k] = row
			}
		}
	}
	list := make([]judged[serviceRow], len(rows))
	for i, row := range rows {
		l, _ := levelOfService(row.Service, row.size)
		list[i] = judged[serviceRow]{row, l}
	}
	return sorted(list)
}

// services writes the services, and their servers with what the kernel counts.
func (w *writer) services(all []party) {
	list := judgedServices(all)
	if len(list) == 0 {
		return
	}
	w.heading("Services and servers")
	n, room := 0, maxServers
	for i := range all {
		n = max(n, all[i].Totals.Services)
		if t := all[i].Totals; t.Services > 0 {
			w.raw(`<p class="sum">`).told(&all[i]).raw(": ").text(amount(t.Services, "service")).raw(", ")
			w.int(t.Up).raw(" of ").text(amount(t.Servers, "server")).raw(" up")
			w.kernel(all[i].IPVS).raw("</p>")
		}
	}
	shown := list[:min(len(list), maxServices)]
	w.raw(`<div class="svcs">`)
	unfold := maxUnfolded
	for i, each := range shown {
		open := each.what.size.Up < each.what.size.All && unfold > 0
		if open {
			unfold--
		}
		room -= w.service(each.what, each.level, open, max(1, room/(len(shown)-i)))
	}
	w.raw("</div>").rest(len(shown), n, "services").missing(all)
}

// kernel says what is wrong with a node's IPVS.
func (w *writer) kernel(k *api.IPVS) *writer {
	if k == nil || k.State == api.ServiceReady {
		return w
	}
	return w.raw(", IPVS ").mark(odd, k.State).raw(" ").text(k.Reason)
}

// service writes a service, open or not, with at most so many of its servers, and returns
// how many.
func (w *writer) service(s serviceRow, l level, open bool, most int) int {
	_, word := levelOfService(s.Service, s.size)
	w.raw(`<details id="s-`).text(s.Name).raw(`"`)
	if open {
		w.raw(" open")
	}
	w.raw(`><summary><span class="name">`).text(s.Name).raw(" <small>").text(where(s.Service)).raw("</small></span> ").markOf(s.on, l, word)
	w.raw(` <span class="n">`).int(s.size.Up).raw("/").int(s.size.All).raw(` up</span> <span class="n">`).live(s.size.Active)
	w.raw(` active</span> <span class="n">`).live(s.Counters.ConnectionRate).raw(" conn/s</span></summary>")
	w.raw(`<p class="sum">`).text(s.Scheduler).raw(", ").text(s.Forward).raw(", healthy weight ").int(s.Quorum.Weight).raw(", needed ").int(s.Quorum.Needed)
	w.raw(", as ").told(s.on).raw(" has it")
	if s.Reason != "" && (s.on.IPVS == nil || s.Reason != s.on.IPVS.Reason) {
		w.raw(": ").text(s.Reason)
	}
	w.raw("</p>")
	servers := judgedServers(s.Servers)
	if bad := troubled(servers); most > max(maxSpread, bad) {
		most = max(maxSpread, bad)
	}
	servers = servers[:min(len(servers), most)]
	if len(servers) > 0 {
		w.table("Servers of "+string(appendText(nil, s.Name)), "Server", "State", "Weight#", "Active#", "Conn/s#", "-Total#", "-Bytes in#")
		for _, each := range servers {
			w.server(each.what, each.level)
		}
		w.endTable()
	}
	w.rest(len(servers), s.size.All, "servers").raw("</details>")
	return len(servers)
}

// where is what a service is reached by.
func where(s *api.Service) string {
	if s.FWMark != 0 {
		return "firewall mark " + strconv.FormatUint(uint64(s.FWMark), 10)
	}
	text := s.Protocol + " " + strings.Join(s.Addresses[:min(len(s.Addresses), maxAddresses)], ", ")
	if len(s.Addresses) > maxAddresses {
		text += ", …"
	}
	return text
}

func judgedServers(servers []api.Server) []judged[*api.Server] {
	list := make([]judged[*api.Server], len(servers))
	for i := range servers {
		list[i] = judged[*api.Server]{&servers[i], levelOfServer(&servers[i])}
	}
	return sorted(list)
}

func (w *writer) server(s *api.Server, l level) {
	w.raw(`<tr><th scope="row">`).text(s.Address)
	if l != well {
		w.small(s.Reason)
	}
	if s.Error != "" && !strings.Contains(s.Reason, s.Error) {
		w.small(s.Error)
	}
	w.raw("</th><td>").mark(l, s.State).raw(`</td><td class="n" data-l="weight">`).int(int(s.Weight))
	if s.Weight != s.WantedWeight {
		w.small("wanted " + strconv.FormatUint(uint64(s.WantedWeight), 10))
	}
	w.raw(`</td><td class="n" data-l="active">`).live(uint64(s.Connections.Active)).raw(`</td><td class="n" data-l="conn/s">`).live(s.Counters.ConnectionRate)
	w.raw(`</td><td class="n w">`).live(s.Counters.Connections).raw(`</td><td class="n w">`).live(s.Counters.BytesIn).raw("</td></tr>")
}
