package keepalived

import (
	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// routing is what a keepalived.conf says of virtual routers.
type routing struct {
	words   routingVocabularies
	globals globals

	instances []*instance
	usual     *special // of instances with nothing special
	groups    []*syncGroup
	watches   []*watch
	watching  map[watchKey]*watch

	staticAddresses []address
	staticRoutes    []route
	staticRules     []rule

	tables *tableNames // see importer.tableNames

	preferences4, preferences6 int // how many were given: see prefer

	oldSync    said[syncDaemon]     // of an instance: for a file without lvs_sync_daemon
	linkDelays map[string]linkDelay // by interface
	pacings    map[string]pacing    // likewise

	root     []*syntax.Statement // all outside of blocks
	toldUser bool                // see ownUser

	deviceNames   map[string]bool // of devices with a virtual MAC
	instanceNames map[string]*instance
	groupNames    map[string]*syncGroup
}

// watchKey is what a watch is called there.
type watchKey struct {
	kind watchKind
	name string
}

// routingVocabularies are made once, since there may be tens of thousands of blocks.
type routingVocabularies struct {
	global         vocabulary[*importer]
	instance       vocabulary[*instance]
	authentication vocabulary[*authentication]
	hmac           vocabulary[*hmacAuthentication]
	group          vocabulary[*syncGroup]
	script         vocabulary[*script]
	file           vocabulary[*trackFile]
	process        vocabulary[*trackProcess]
	bfd            vocabulary[*bfd]
	pacing         vocabulary[*pacingGroup]
}

func newRouting() routing {
	return routing{
		words: routingVocabularies{
			globalWords(), instanceWords(), authenticationWords(), hmacWords(), groupWords(),
			scriptWords(), fileWords(), processWords(), bfdWords(), pacingWords(),
		},
		usual:         &special{},
		watching:      map[watchKey]*watch{},
		linkDelays:    map[string]linkDelay{},
		pacings:       map[string]pacing{},
		deviceNames:   map[string]bool{},
		instanceNames: map[string]*instance{},
		groupNames:    map[string]*syncGroup{},
	}
}

// writeRouters says in perch's words what was read of virtual routers.
func (im *importer) writeRouters() error {
	im.resolve()
	im.balancing.ipvs.sync = im.balancing.ipvs.sync.or(im.routing.oldSync)
	if len(im.mistakes) > 0 {
		return nil // what is written could be wrong for that
	}
	notices := im.collectNotices()
	im.writeNode()
	if im.o.Raft != nil {
		if err := im.writeCluster(); err != nil {
			return err
		}
	}
	im.writeStatic()
	im.writeChecks()
	if im.o.Raft.replaces() {
		im.writeVIPs()
	} else {
		im.writeInstances()
	}
	for _, n := range notices {
		im.writeNotice(n)
	}
	im.writeFIFOs()
	return nil
}

func (im *importer) writeInstances() {
	for _, i := range im.routing.instances {
		im.writeInstance(i)
	}
	im.remarkOnPrefix()
	for _, g := range im.routing.groups {
		im.writeSyncGroup(g)
	}
}

// writeNode says what concerns this node as a whole.
func (im *importer) writeNode() {
	g := &im.routing.globals
	t := im.node()
	if g.namespace.given() {
		im.set(t, "net_namespace", document.Text(g.namespace.value), g.namespace.by)
	}
	im.writePrograms(t)
	switch {
	case g.logUnknown.given() && im.o.Raft.replaces():
		im.remark(g.logUnknown.by, "does not count in a cluster, which has no VRIDs")
	case g.logUnknown.given():
		im.set(t, "log_unknown_vrids", document.Flag(g.logUnknown.value), g.logUnknown.by)
	}
	if !g.routerID.given() || im.o.Raft != nil { // the nodes of a cluster have names of their own
		return
	}
	title := ""
	im.give([]named{{g.routerID.by, g.routerID.value, &title}})
	im.set(t, "name", document.Text(title), g.routerID.by)
}

// node returns the [node] table, for whoever has a key for it. It is not written without any.
func (im *importer) node() *document.Table {
	if im.nodeTable == nil {
		im.nodeTable = im.doc.Table("node", document.Place{})
	}
	return im.nodeTable
}

// writeSyncGroup says in a [[sync_group]] what a vrrp_sync_group means. A group of one is no group: what
// it tracks counts for its member.
func (im *importer) writeSyncGroup(g *syncGroup) {
	if len(g.instances) == 1 {
		im.remark(g.by, "has one member, and so is no [[sync_group]]: what it tracks counts for "+g.instances[0].title)
		return
	}
	t := im.doc.Element("sync_group", place(g.by))
	t.Comments = im.claim(g.by)
	t.Set("name", document.Text(g.title), place(g.by))
	l := &list{comments: im.above(g.by, "group")}
	for n, m := range g.members {
		im.add(l, document.Text(g.instances[n].title), m.by)
	}
	l.write(t, "members")
	im.writeTracks(t, g.by, g.references)
	t.Comments = append(t.Comments, im.rest(g.by.Block)...)
}
