package keepalived

import (
	"github.com/perch-vip/perch/cmd/internal/document"
)

// writeIPVS writes what global_defs says of the kernel's load balancer. Without a virtual
// server keepalived leaves that alone, whoever else has services there.
func (im *importer) writeIPVS() {
	i := &im.balancing.ipvs
	var l settings
	if i.flush.value {
		l.add("own_all", document.Flag(true), i.flush.by)
	}
	if i.atEnd.given() {
		l.add("at_end", document.Text(i.atEnd.value), i.atEnd.by)
	}
	if i.tcp.given() {
		l.add("tcp_timeout", document.Duration(i.tcp.value), i.tcp.by)
	}
	if i.tcpFin.given() {
		l.add("tcp_fin_timeout", document.Duration(i.tcpFin.value), i.tcpFin.by)
	}
	if i.udp.given() {
		l.add("udp_timeout", document.Duration(i.udp.value), i.udp.by)
	}
	if len(im.balancing.virtual) == 0 {
		for _, s := range l {
			im.remark(s.by, "does nothing without a virtual_server: it is left out")
		}
		l = nil
	}
	sync := i.sync
	if len(l) == 0 && !sync.given() {
		return
	}
	at := sync.by
	if len(l) > 0 {
		at = l[0].by
	}
	t := im.doc.Table("ipvs", place(at))
	im.put(t, l)
	if sync.given() {
		s := t.Table("sync", place(sync.by))
		im.put(s, im.syncSettings())
		s.Comments = im.claim(sync.by)
	}
}

// syncSettings returns the keys of the sync daemon. Its ID is that of an instance if it has
// none itself.
func (im *importer) syncSettings() (l settings) {
	d, by := im.balancing.ipvs.sync.value, im.balancing.ipvs.sync.by
	id := d.id.value
	if !d.id.given() && d.instance != "" {
		if i := im.routing.instanceNames[d.instance]; i != nil {
			id = i.vrid.value
		} else {
			im.wrong(by, "there is no vrrp_instance "+quoted(d.instance))
		}
	}
	l.add("interface", document.Text(d.iface), by)
	l.add("id", document.Number(id), by)
	if d.group.IsValid() {
		l.add("group", document.Text(d.group.String()), by)
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"port", d.port}, {"ttl", d.ttl}, {"max_len", d.maxLen}} {
		if n.value != 0 {
			l.add(n.name, document.Number(n.value), by)
		}
	}
	return l
}
