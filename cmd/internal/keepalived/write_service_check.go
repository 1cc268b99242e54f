package keepalived

import (
	"net/netip"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// look is a check of a server that is about to be written.
type look struct {
	by *syntax.Statement
	settings
	of *syntax.Statement // what it refers to; nil for nothing
}

// textOf is the same for the same looks.
func textOf(looks []look) string {
	var b strings.Builder
	for _, l := range looks {
		b.WriteString(l.text() + "\n")
	}
	return b.String()
}

// writeLooks writes checks into a service, group or server.
func (im *importer) writeLooks(t *document.Table, looks []look) {
	for _, l := range looks {
		var check *document.Table
		if len(looks) == 1 {
			check = t.Table("check", place(l.by))
		} else {
			check = t.Element("check", place(l.by))
		}
		im.put(check, l.settings)
		check.Comments = append(im.claim(l.by), im.rest(l.by.Block)...)
		if l.of != nil {
			check.Comments = append(check.Comments, im.rest([]*syntax.Statement{l.of})...)
		}
	}
}

// looks returns what a checker of a server becomes: more than one if it connects to several
// hosts, or asks in several names.
func (im *importer) looks(p *plan, r *realServer, c *checker) (looks []look) {
	when := c.schedule.within(r.schedule.within(p.v.schedule))
	add := func(by *syntax.Statement, where connection, what settings) {
		l := look{by: by, settings: what}
		l.settings = append(l.settings, im.where(p, r, c, where)...)
		l.settings = append(l.settings, im.timing(c, when, where.timeout)...)
		looks = append(looks, l)
	}
	switch c.kind {
	case "HTTP_GET", "SSL_GET":
		for _, l := range im.httpLooks(p.v, r, c) {
			add(c.by, c.connection, l)
		}
	case "SMTP_CHECK":
		for _, h := range c.hosts {
			add(h.by, h.within(c.connection), c.smtp())
		}
		if len(c.hosts) == 0 {
			add(c.by, c.connection, c.smtp())
		}
	case "FILE_CHECK":
		looks = append(looks, look{c.by, im.fileCheck(c), c.watch.by})
	default:
		add(c.by, c.connection, im.what(c))
	}
	return looks
}

// timing returns the keys for when to look, with keepalived's own defaults.
func (im *importer) timing(c *checker, when schedule, own said[time.Duration]) (l settings) {
	interval, retries := when.delayLoop.is(time.Minute), when.retry.is(retriesOf(c.kind))
	if interval != time.Second {
		l.add("interval", document.Duration(interval), when.delayLoop.by)
	}
	if again := max(when.beforeRetry.is(beforeRetryOf(c.kind, interval)), leastInterval); retries > 0 && again < interval {
		l.add("fast_interval", document.Duration(again), when.beforeRetry.by)
	} else if retries > 0 && again > interval && when.beforeRetry.given() {
		im.remark(when.beforeRetry.by, "is longer than delay_loop: perch waits no longer for a retry than for any other look")
	}
	timeout := own.or(when.connectTimeout).or(said[time.Duration]{value: 5 * time.Second})
	if c.kind == "MISC_CHECK" {
		if timeout = c.scriptTimeout; timeout.value == 0 {
			timeout = said[time.Duration]{min(interval, mostTimeout), when.delayLoop.by}
		}
	}
	if timeout.value != min(interval, 5*time.Second) {
		l.add("timeout", document.Duration(timeout.value), timeout.by)
	}
	if warmup := im.cut(when.warmup.or(said[time.Duration]{value: interval}), mostInterval); warmup > 0 {
		l.add("warmup", document.Duration(warmup), when.warmup.by)
	}
	l.add("rise", document.Number(1), nil)
	if retries != 2 {
		l.add("fall", document.Number(retries+1), when.retry.by)
	}
	return l
}

func retriesOf(kind string) int {
	switch kind {
	case "DNS_CHECK":
		return 3
	case "MISC_CHECK":
		return 0
	}
	return 1
}

func beforeRetryOf(kind string, interval time.Duration) time.Duration {
	switch kind {
	case "DNS_CHECK":
		return interval
	case "HTTP_GET", "SSL_GET":
		return 3 * time.Second
	}
	return time.Second
}

// where returns the keys for what is connected to, and from where.
func (im *importer) where(p *plan, r *realServer, c *checker, where connection) (l settings) {
	port, by := r.address.Port(), where.port.by
	if where.port.given() {
		port = uint16(where.port.value)
	}
	if port == 0 {
		port = p.v.entries[0].port
	}
	if c.kind == "PING_CHECK" && where.port.given() {
		im.remark(where.port.by, "does nothing, there as here: a ping has no port")
	}
	switch {
	case c.kind == "MISC_CHECK":
		return nil
	case port == 0 && c.kind != "PING_CHECK":
		im.wrong(c.by, "must have a connect_port, as its real_server has no port")
	case where.ip.given():
		l.add("target", document.Text(target(c.kind, where.ip.value, port)), where.ip.by)
	case c.kind == "PING_CHECK" || p.looksAt(r, port):
	default:
		l.add("port", document.Number(port), by)
	}
	if c.kind == "SSL_GET" && !where.ip.given() { // else the target says so
		l.add("tls", document.Flag(true), nil)
	}
	if where.source.given() {
		l.add("source", document.Text(where.source.value.String()), where.source.by)
	}
	if where.iface.given() {
		l.add("interface", document.Text(where.iface.value), where.iface.by)
	}
	if where.mark.value != 0 {
		l.add("fwmark", document.Number(where.mark.value), where.mark.by)
	}
	return l
}

// target returns what is looked at instead of the server.
func target(kind string, ip netip.Addr, port uint16) string {
	address := netip.AddrPortFrom(ip, port)
	switch kind {
	case "HTTP_GET":
		return "http://" + address.String() + "/"
	case "SSL_GET":
		return "https://" + address.String() + "/"
	case "PING_CHECK":
		return ip.String()
	}
	return address.String()
}
