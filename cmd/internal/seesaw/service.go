package seesaw

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// servers are the backends of a vserver as servers of one family.
type servers struct {
	list    []backend
	family  family
	counted int    // those that watermarks are fractions of
	group   string // that they are in; "" for one service's own
}

// serversOf returns the backends that are on and have an address of a family.
func (im *importer) serversOf(v *vserver, f family) servers {
	s, taken := servers{family: f}, map[netip.Addr]bool{}
	for _, b := range v.backends {
		a := b.in(f)
		if !a.IsValid() {
			continue
		}
		if taken[a] {
			im.note(b.field.one("host").at(f.name), "backend", fmt.Sprintf("%s is left out: %s is of another one, too, and Seesaw takes any one of them", b.name, a))
			continue
		}
		taken[a] = true
		if b.counts() {
			s.counted++
		}
		if b.on() {
			s.list = append(s.list, b)
		}
	}
	return s
}

// value returns the list of servers.
func (s servers) value(im *importer) document.Value {
	items := make([]document.Item, len(s.list))
	for i, b := range s.list {
		pairs := []document.Pair{{Name: "address", Value: document.Text(b.in(s.family).String())}}
		if b.weight != 1 {
			pairs = append(pairs, document.Pair{Name: "weight", Value: document.Number(b.weight)})
		}
		items[i] = document.Item{Value: document.Inline(pairs...), Place: im.from(b.field.place), Comments: append([]string{b.name}, b.field.said()...)}
	}
	return document.List(items...)
}

func (s servers) weights() []int {
	weights := make([]int, len(s.list))
	for i, b := range s.list {
		weights[i] = b.weight
	}
	return weights
}

// writeEntry writes the service of an entry.
func (im *importer) writeEntry(v *vserver, f family, e entry, s servers) {
	protocol := strings.ToLower(e.GetProtocol().String())
	t := im.beginService(v, e, im.names.take(v.GetName(), fmt.Sprintf("-%d-%s%s", e.GetPort(), protocol, f.ending)))
	address := netip.AddrPortFrom(v.entry.in(f), uint16(e.GetPort()))
	t.Set("address", document.Text(address.String()), im.from(e.field.at("port")))
	t.Set("protocol", document.Text(protocol), im.from(e.field.at("protocol")))
	im.writeBalancing(t, v, e, s)
	im.writeChecks(t, v, []entry{e}, e.GetPort())
}

// beginService adds the table of a service, below what is said of its vserver.
func (im *importer) beginService(v *vserver, e entry, name string) *document.Table {
	t := im.doc.Element("service", im.from(e.field.place))
	t.Comments = append(v.comments, e.field.said()...)
	v.comments = nil
	t.Set("name", document.Text(name), im.from(e.field.place))
	return t
}

// writeBalancing writes how a service balances its servers.
func (im *importer) writeBalancing(t *document.Table, v *vserver, e entry, s servers) {
	at := func(name string) document.Place { return im.from(e.field.at(name)) }
	t.Set("scheduler", document.Text(strings.ToLower(e.GetScheduler().String())), at("scheduler"))
	if options := im.options(v, e); len(options) > 0 {
		t.Set("options", document.Texts(options, at("scheduler")), at("scheduler"))
	}
	t.Set("forward", document.Text(im.forward(v, e)), at("mode"))
	if n := e.GetPersistence(); n > 0 {
		t.Set("persistence", document.Duration(time.Duration(n)*time.Second), at("persistence"))
	}
	im.writeWatermarks(t, e, s)
	im.writeThresholds(t, e)
	if e.GetQuiescent() {
		t.Set("inhibit_on_failure", document.Flag(true), at("quiescent"))
		im.note(e.field.at("quiescent"), "quiescent", "Seesaw's engine does not read it and removes backends that fail; inhibit_on_failure = true does what it is meant for")
	}
	if s.group != "" {
		t.Set("group", document.Text(s.group), im.from(v.field.at("backend")))
		return
	}
	t.Set("server", s.value(im), im.from(v.field.at("backend")))
}

// options returns the flags that Seesaw gives a service.
func (im *importer) options(v *vserver, e entry) (options []string) {
	switch e.GetScheduler() {
	case pb.VserverEntry_SH:
		options = []string{"sh-fallback", "sh-port"}
	case pb.VserverEntry_MH:
		options = []string{"mh-fallback", "mh-port"}
	}
	if !e.GetOnePacket() {
		return options
	}
	if e.GetProtocol() == pb.Protocol_UDP || v.GetUseFwm() {
		return append(options, "ops")
	}
	im.note(e.field.at("one_packet"), "one_packet", "left out: the kernel does so for UDP only")
	return options
}

// forward returns how packets get to servers.
func (im *importer) forward(v *vserver, e entry) string {
	switch e.GetMode() {
	case pb.VserverEntry_NAT:
		im.lose(e.field.at("mode"), "mode", "sends NAT packets on with the address of seesaw_vip as their source (iptables, with net.ipv4.vs.conntrack = 1), so that answers come back to it",
			"perch leaves the client's address: lead the servers' way back to the clients through the owner, by a default route to a VIP, or set such rules yourself")
		return "nat"
	case pb.VserverEntry_TUN:
		return "tunnel"
	}
	return "dr"
}

// writeThresholds writes for how many connections a server gets no more.
func (im *importer) writeThresholds(t *document.Table, e entry) {
	upper, lower := e.GetUthreshold(), e.GetLthreshold()
	if upper != 0 {
		t.Set("upper_threshold", document.Number(int(upper)), im.from(e.field.at("uthreshold")))
	}
	switch {
	case lower == 0:
	case upper == 0:
		im.note(e.field.at("lthreshold"), "lthreshold", "left out: without uthreshold it has no effect")
	default:
		t.Set("lower_threshold", document.Number(int(lower)), im.from(e.field.at("lthreshold")))
	}
}

// writeWatermarks writes watermarks as a quorum.
func (im *importer) writeWatermarks(t *document.Table, e entry, s servers) {
	low, high := e.GetServerLowWatermark(), e.GetServerHighWatermark()
	name := "server_high_watermark"
	if high <= low {
		name = "server_low_watermark"
	}
	if !im.fraction(e, "server_low_watermark", low) || !im.fraction(e, "server_high_watermark", high) {
		return
	}
	at := e.field.at(name)
	up, down := watermarks{low, high, s.counted}.needs()
	if up <= 1 {
		return
	}
	q := quorumOf(up, down, s.weights())
	key := t.Set("quorum", document.Number(q.weight), im.from(at))
	key.Remark = fmt.Sprintf("%d of %d backends", up, s.counted)
	if down != up {
		key.Remark += fmt.Sprintf(" to begin, %d to go on", down)
	}
	if q.hysteresis > 0 {
		t.Set("hysteresis", document.Number(q.hysteresis), im.from(at))
	}
	im.remarkWatermarks(e, at, name, q, up, s)
}

// fraction says whether a watermark is one.
func (im *importer) fraction(e entry, name string, w float32) bool {
	ok := w >= 0 && w <= 1 // and not NaN
	if !ok {
		im.wrong(e.field.at(name), fmt.Sprintf("%s: %v must be a fraction from 0 to 1", name, w))
	}
	return ok
}

// remarkWatermarks says where a quorum is not what the watermarks are.
func (im *importer) remarkWatermarks(e entry, at place, name string, q quorum, up int, s servers) {
	if e.ServerLowWatermark == nil {
		im.note(at, name, "without server_low_watermark Seesaw's engine goes on with a single backend, other than config.proto says; so does perch")
	}
	if up > len(s.list) {
		im.note(at, name, fmt.Sprintf("only %d of %d backends are on: the service is never up, neither with Seesaw nor here", len(s.list), s.counted))
	}
	if !q.exact {
		im.note(at, name, fmt.Sprintf("perch counts weights: the quorum is lost below %d and comes back at %d, which is not exactly what Seesaw does", q.weight-q.hysteresis, q.weight+q.hysteresis))
	}
	if q.hysteresis > 0 {
		im.note(at, name, fmt.Sprintf("after a start perch begins the service at a weight of %d, and only after a loss at %d", q.weight, q.weight+q.hysteresis))
	}
}
