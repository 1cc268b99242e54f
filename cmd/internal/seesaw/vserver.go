package seesaw

import (
	"fmt"

	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// vserver is a vserver that is being written.
type vserver struct {
	*pb.Vserver
	field    *field
	entry    host // its addresses
	backends []backend
	entries  []entry
	comments []string // above the first table that is written of it
}

// backend is a backend of a vserver.
type backend struct {
	host
	weight int
}

// entry is a vserver_entry.
type entry struct {
	*pb.VserverEntry
	field *field
}

// writeVservers writes the VIPs and services of all vservers.
func (im *importer) writeVservers(c *pb.Cluster) {
	taken, written := map[string]bool{}, im.root.every("vserver")
	var balanced []*vserver
	for i, v := range c.GetVserver() {
		f := written.nth(i)
		if taken[v.GetName()] {
			im.note(f.at("name"), "vserver", fmt.Sprintf("a second %q, which Seesaw passes over, is left out", v.GetName()))
			continue
		}
		taken[v.GetName()] = true
		read, on := im.readVserver(v, f)
		if !on {
			im.doc.Tail = append(im.doc.Tail, fmt.Sprintf("vserver %s is left out.", v.GetName()))
			im.doc.Tail = append(im.doc.Tail, f.said()...)
			continue
		}
		im.writeHostVIPs(read.entry, "vserver, "+read.entry.name)
		balanced = append(balanced, read)
	}
	if len(balanced) == 0 {
		return
	}
	at := im.root.at("vserver")
	im.doc.Table("ipvs", im.from(at)).Set("manage_sysctls", document.Flag(true), im.from(at)).Remark = "Seesaw sets them, too"
	im.note(at, "vserver", "Seesaw's iptables rules reject what is sent to the addresses of vservers but not to their ports; perch sets no such rules")
	for _, v := range balanced {
		im.writeVserver(v)
		im.doc.Tail = append(im.doc.Tail, v.comments...) // of one without a service
	}
}

// readVserver reads a vserver, and says whether it is on.
func (im *importer) readVserver(pv *pb.Vserver, f *field) (v *vserver, on bool) {
	v = &vserver{Vserver: pv, field: f, entry: im.readHost(pv.GetEntryAddress(), f.one("entry_address"))}
	if !v.entry.on() {
		im.note(v.entry.field.at("status"), "vserver", fmt.Sprintf("%s is left out: as %v it is off", pv.GetName(), v.entry.status))
		return v, false
	}
	if !v.entry.v4.IsValid() && !v.entry.v6.IsValid() {
		im.note(v.entry.field.place, "entry_address", fmt.Sprintf("vserver %s has no address and is left out", pv.GetName()))
		return v, false
	}
	v.comments = append([]string{fmt.Sprintf("vserver %s, of %s", pv.GetName(), pv.GetRp())}, f.said()...)
	for _, w := range pv.GetWarning() {
		v.comments = append(v.comments, "Seesaw warns: "+w)
	}
	v.backends = im.readBackends(v)
	v.entries = im.readEntries(v)
	return v, true
}

// readBackends reads the backends that are on and those that count all the same.
func (im *importer) readBackends(v *vserver) (found []backend) {
	taken, written := map[string]bool{}, v.field.every("backend")
	for i, p := range v.GetBackend() {
		f := written.nth(i)
		h := im.readHost(p.GetHost(), f.one("host"))
		switch {
		case taken[h.name]:
			im.note(h.field.at("fqdn"), "backend", fmt.Sprintf("a second %q, which Seesaw passes over, is left out", h.name))
			continue
		case !h.on():
			im.note(h.field.at("status"), "backend", fmt.Sprintf("%s is left out: as %v it gets no connections", h.name, h.status))
		case p.GetWeight() < 0:
			im.wrong(f.at("weight"), fmt.Sprintf("weight: %d must be 0 at least", p.GetWeight()))
		}
		taken[h.name] = true
		h.field = f
		found = append(found, backend{h, int(p.GetWeight())})
	}
	return found
}

// readEntries reads the entries. Of those with one port and protocol Seesaw takes the first.
func (im *importer) readEntries(v *vserver) (found []entry) {
	type key struct {
		port     int32
		protocol pb.Protocol
	}
	taken, written := map[key]bool{}, v.field.every("vserver_entry")
	for i, e := range v.GetVserverEntry() {
		f := written.nth(i)
		k := key{e.GetPort(), e.GetProtocol()}
		if taken[k] {
			im.note(f.place, "vserver_entry", fmt.Sprintf("a second one for port %d of %v, which Seesaw passes over, is left out", k.port, k.protocol))
			continue
		}
		taken[k] = true
		if k.port < 1 || k.port > 65535 {
			im.wrong(f.at("port"), fmt.Sprintf("port: %d must be a number from 1 to 65535", k.port))
		}
		found = append(found, entry{e, f})
	}
	if len(found) == 0 {
		im.note(v.field.place, "vserver", fmt.Sprintf("%s has no vserver_entry: nothing is balanced, only its address is held", v.GetName()))
	}
	return found
}

// writeVserver writes the services of a vserver.
func (im *importer) writeVserver(v *vserver) {
	for _, f := range families {
		if !v.entry.in(f).IsValid() || len(v.entries) == 0 {
			continue
		}
		servers := im.serversOf(v, f)
		if len(servers.list) == 0 {
			im.note(v.entry.field.at(f.name), f.name, fmt.Sprintf("no backend of vserver %s that is on has an address of it: there is no service", v.GetName()))
			continue
		}
		if v.GetUseFwm() {
			im.writeMark(v, f, servers)
			continue
		}
		if len(v.entries) > 1 {
			servers.group = im.names.take(v.GetName(), f.ending)
		}
		for _, e := range v.entries {
			im.writeEntry(v, f, e, servers)
		}
		if servers.group != "" {
			t := im.doc.Element("server_group", im.from(v.field.place))
			t.Set("name", document.Text(servers.group), im.from(v.field.at("name")))
			t.Set("server", servers.value(im), im.from(v.field.at("backend")))
		}
	}
}
