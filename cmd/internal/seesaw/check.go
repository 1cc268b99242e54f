package seesaw

import (
	"fmt"
	"time"

	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// check is a healthcheck that is being written.
type check struct {
	*pb.Healthcheck
	im    *importer
	field *field
	table *document.Table
}

// writeChecks writes the checks of a service: those of its vserver and of its entries. port is
// the service's, 0 for a mark.
func (im *importer) writeChecks(t *document.Table, v *vserver, entries []entry, port int32) {
	n := im.writeChecksOf(t, v.GetHealthcheck(), v.field, 0, port)
	for _, e := range entries {
		n += im.writeChecksOf(t, e.GetHealthcheck(), e.field, e.GetPort(), port)
	}
	if n == 0 {
		im.note(entries[0].field.place, "healthcheck", "there is none, with which Seesaw never begins a service; perch takes its servers for healthy")
	}
}

// writeChecksOf writes the checks of a vserver or an entry, whose port they look at unless they
// have their own, and returns how many there are.
func (im *importer) writeChecksOf(t *document.Table, checks []*pb.Healthcheck, f *field, port, service int32) int {
	written := f.every("healthcheck")
	for i, h := range checks {
		c := check{Healthcheck: h, im: im, field: written.nth(i)}
		own := h.GetPort()
		if own == 0 {
			own = port
		}
		if c.wrong(own) {
			continue
		}
		if h.GetType() == pb.Healthcheck_RADIUS {
			im.lose(c.field.at("type"), "healthcheck", "asks a RADIUS server for access", "perch has no such check, and looks by the others alone: use one of kind script that runs radclient, or of kind udp")
			continue
		}
		c.table = t.Element("check", im.from(c.field.place))
		c.table.Comments = c.field.said()
		c.write(own, service)
	}
	return len(checks)
}

// wrong says whether a check is one that never succeeds, or ends Seesaw.
func (c check) wrong(port int32) bool {
	before := len(c.im.mistakes)
	icmp := c.GetType() == pb.Healthcheck_ICMP_PING
	switch {
	case !icmp && port == 0:
		c.im.wrong(c.field.place, "healthcheck: port is missing, which one of a vserver must have")
	case c.GetPort() < 0 || c.GetPort() > 65535:
		c.im.wrong(c.field.at("port"), fmt.Sprintf("port: %d must be a number from 1 to 65535", c.GetPort()))
	case icmp && c.GetMode() != pb.Healthcheck_PLAIN:
		c.im.wrong(c.field.at("mode"), fmt.Sprintf("mode: Seesaw makes no ICMP_PING with %v, and takes the backend for dead", c.GetMode()))
	}
	for _, n := range []struct {
		name         string
		value, least int32
	}{{"interval", c.GetInterval(), 1}, {"timeout", c.GetTimeout(), 1}, {"retries", c.GetRetries(), 0}} {
		if n.value < n.least {
			c.im.wrong(c.field.at(n.name), fmt.Sprintf("%s: %d must be %d at least", n.name, n.value, n.least))
		}
	}
	return len(c.im.mistakes) > before
}

// set sets a key that comes from a field.
func (c check) set(key string, v document.Value, field string) *document.Key {
	return c.table.Set(key, v, c.im.from(c.field.at(field)))
}

// lose says of a field of the check that it has no equivalent.
func (c check) lose(field, does, instead string) {
	c.im.lose(c.field.at(field), field, does, instead)
}

// write writes the keys of the check.
func (c check) write(port, service int32) {
	kind := map[pb.Healthcheck_Type]string{
		pb.Healthcheck_ICMP_PING: "icmp", pb.Healthcheck_UDP: "udp", pb.Healthcheck_TCP: "tcp", pb.Healthcheck_TCP_TLS: "tcp",
		pb.Healthcheck_HTTP: "http", pb.Healthcheck_HTTPS: "http", pb.Healthcheck_DNS: "dns",
	}[c.GetType()]
	if c.isHTTP() && c.GetProxy() {
		kind = "tcp"
	}
	c.set("kind", document.Text(kind), "type")
	c.set("interval", document.Duration(time.Duration(c.GetInterval())*time.Second), "interval")
	c.set("timeout", document.Duration(time.Duration(c.GetTimeout())*time.Second), "timeout")
	c.set("rise", document.Number(1), "type")
	c.set("fall", document.Number(int(c.GetRetries())+1), "retries")
	if kind != "icmp" && port != service {
		c.set("port", document.Number(int(port)), "port")
	}
	switch {
	case c.isHTTP() && c.GetProxy():
		c.writeProxy()
	case c.isHTTP():
		c.writeHTTP()
	case kind == "dns":
		c.writeDNS()
	case kind == "tcp":
		if c.GetType() == pb.Healthcheck_TCP_TLS {
			c.writeTLS()
		}
		c.writeSend(c.GetSend())
		c.writeReceive(c.GetReceive())
	case kind == "udp":
		c.writeSend(c.GetSend())
		c.writeUDPAnswer()
	}
	c.remarkMode()
}

func (c check) isHTTP() bool {
	return c.GetType() == pb.Healthcheck_HTTP || c.GetType() == pb.Healthcheck_HTTPS
}

// remarkMode says what looks at servers through the VIP lose.
func (c check) remarkMode() {
	if c.GetMode() != pb.Healthcheck_PLAIN {
		c.lose("mode", fmt.Sprintf("sends a %v check to the VIP by way of the backend, which must have the VIP", c.GetMode()),
			"perch asks the backend at its own address: have the service listen there, too, and see to the VIP on each server")
	}
}
