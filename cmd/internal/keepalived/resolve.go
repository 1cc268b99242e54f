package keepalived

import (
	"fmt"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// reference is a watch that counts for an instance or a sync group, and how.
type reference struct {
	by     *syntax.Statement
	watch  *watch
	weight weight
}

// gathered is a list in which each watch is once.
type gathered struct {
	list []reference
	at   map[*watch]int
}

func (g *gathered) find(w *watch) (at int, ok bool) {
	at, ok = g.at[w]
	return at, ok
}

// add adds a reference to a watch that is not in the list.
func (g *gathered) add(ref reference) {
	if g.at == nil {
		g.at = map[*watch]int{}
	}
	g.at[ref.watch] = len(g.list)
	g.list = append(g.list, ref)
}

// resolve finds what names stand for, once all is read, since blocks come in any order.
func (im *importer) resolve() {
	im.resolveGroups()
	for _, i := range im.routing.instances {
		i.references = im.resolveInstance(i)
	}
	for _, g := range im.routing.groups {
		g.references = im.resolveTracks(g.tracks)
	}
	im.resolveFileChecks()
	im.giveTitles()
	im.cutLinkDelays()
}

// cutLinkDelays cuts the delays of interfaces as keepalived does: to two intervals, those of
// the quickest instance on the interface.
func (im *importer) cutLinkDelays() {
	if len(im.routing.linkDelays) == 0 {
		return
	}
	most := map[string]time.Duration{}
	for _, i := range im.routing.instances {
		d := 2 * im.interval(i)
		if least, known := most[i.iface.value]; !known || d < least {
			most[i.iface.value] = d
		}
	}
	for name, delay := range im.routing.linkDelays {
		limit, known := most[name]
		if !known && im.routing.watching[watchKey{watchesInterface, name}] == nil {
			im.remark(delay.by, "does nothing, there as here: no instance has adverts on it, or tracks it")
		}
		if !known || max(delay.down, delay.up) <= limit {
			continue
		}
		im.remark(delay.by, fmt.Sprintf("becomes %v, two intervals of adverts on %s, as with keepalived: after a longer time down a backup has taken over", limit, name))
		delay.down, delay.up = min(delay.down, limit), min(delay.up, limit)
		im.routing.linkDelays[name] = delay
	}
}

// resolveFileChecks finds the files that servers have checks of.
func (im *importer) resolveFileChecks() {
	for _, v := range im.balancing.virtual {
		for _, r := range v.servers {
			for _, c := range r.checkers {
				if !c.file.given() {
					continue
				}
				if c.watch = im.routing.watching[watchKey{watchesFile, c.file.value}]; c.watch == nil {
					im.wrong(c.file.by, quoted(c.file.value)+" is no track_file")
					continue
				}
				c.watch.checked = true
			}
		}
	}
}

func (im *importer) resolveGroups() {
	for _, g := range im.routing.groups {
		for _, m := range g.members {
			i := im.routing.instanceNames[m.name]
			switch {
			case i == nil:
				im.wrong(g.by, fmt.Sprintf("member %s, at %s, is no vrrp_instance", quoted(m.name), m.by.Position))
			case i.group != nil:
				im.wrong(g.by, fmt.Sprintf("member %s, at %s, is in %s already", quoted(m.name), m.by.Position, quoted(i.group.name)))
			default:
				i.group = g
				g.instances = append(g.instances, i)
			}
		}
	}
}

// resolveTracks finds what is listed, and is wrong where it is not there or listed twice.
func (im *importer) resolveTracks(tracks []tracked) []reference {
	var found gathered
	for _, t := range tracks {
		w := im.find(t)
		if w == nil {
			im.wrong(t.by, fmt.Sprintf("is no %s", t.kind))
			continue
		}
		if _, ok := found.find(w); ok {
			im.wrong(t.by, "is in the list twice")
			continue
		}
		if t.early {
			im.remark(t.by, "is defined only below, at "+w.by.Position.String()+", so that keepalived does not heed it here: perch does")
		}
		ref := reference{t.by, w, w.weight}
		if t.weight.given() {
			ref.weight.value = t.weight.value
		}
		if t.reverse.given() {
			ref.weight.reverse = t.reverse.value
		}
		found.add(ref)
	}
	return found.list
}

// find returns the watch that is tracked; an interface needs no definition.
func (im *importer) find(t tracked) *watch {
	key := watchKey{t.kind, t.name}
	w := im.routing.watching[key]
	if w == nil && t.kind == watchesInterface {
		w = &watch{at: t.by, kind: t.kind, name: t.name, write: im.interfaceWriter(t.name)}
		im.routing.watching[key] = w
		im.routing.watches = append(im.routing.watches, w)
	}
	return w
}

// resolveInstance returns what counts for an instance: what it tracks, as far as keepalived
// heeds it, and the other interfaces that it cannot be master without.
func (im *importer) resolveInstance(i *instance) []reference {
	var found gathered
	for _, ref := range im.resolveTracks(i.tracks) {
		if im.heeds(i, &ref) {
			found.add(ref)
		}
	}
	uses := i.interfaces()
	own := im.o.Raft.replaces() && !i.ignorePrimary.value // a virtual router looks at it itself
	if own {
		uses = append(uses, use{i.iface.by, i.iface.value})
	}
	for _, use := range uses {
		if use.name == i.iface.value && !own {
			continue
		}
		w := im.find(tracked{by: use.by, kind: watchesInterface, name: use.name})
		at, listed := found.find(w)
		switch {
		case !listed:
			found.add(reference{by: use.by, watch: w})
		case found.list[at].weight.value != 0:
			im.remark(found.list[at].by, "its weight does not count, since an address, route or rule is on it: the router is in fault while it is down")
			found.list[at].weight = weight{}
		}
	}
	return found.list
}

// heeds reports whether keepalived heeds what an instance tracks, and changes the weight to
// the one that it goes by.
func (im *importer) heeds(i *instance, ref *reference) bool {
	if ref.watch.kind == watchesInterface && ref.watch.name == i.iface.value {
		im.remark(ref.by, "is the instance's own interface, of which dont_track_primary says whether it counts: here, too, this line does nothing")
		return false
	}
	why := ""
	switch {
	case ref.weight.value == 0:
		return true
	case i.owner():
		why = "has priority 255"
	case i.group != nil && !i.group.heedsWeights.value:
		why = "is in a vrrp_sync_group without sync_group_tracking_weight"
	default:
		return true
	}
	switch kind := ref.watch.kind; {
	case kind == watchesProcess:
		return true
	case kind == watchesFile && ref.weight.value == 1, kind == watchesInterface && !i.owner():
		im.remark(ref.by, "keepalived takes its weight for 0, since "+quoted(i.name)+" "+why+": while it has failed, the router is in fault, here, too")
		ref.weight.value = 0
		return true
	}
	im.remark(ref.by, "keepalived does not heed it, since it has a weight and "+quoted(i.name)+" "+why+": it is left out")
	return false
}

// use is an interface that an address, route or rule is on.
type use struct {
	by   *syntax.Statement
	name string
}

// interfaces returns those interfaces, but for what has no_track.
func (i *instance) interfaces() (list []use) {
	for _, addresses := range [][]address{i.addresses, i.excluded} {
		for n := range addresses {
			if a := &addresses[n]; a.dev != "" && !a.noTrack {
				list = append(list, use{a.by, a.dev})
			}
		}
	}
	for _, r := range i.routes {
		if r.dev != "" && !r.noTrack {
			list = append(list, use{r.by, r.dev})
		}
	}
	for _, r := range i.rules {
		for _, name := range []string{r.iif, r.oif} {
			if name != "" && name != "lo" && !r.noTrack {
				list = append(list, use{r.by, name})
			}
		}
	}
	return list
}

// giveTitles names all that has a name in perch. What nobody tracks is left out there.
func (im *importer) giveTitles() {
	var instances, groups, watches []named
	for _, i := range im.routing.instances {
		instances = append(instances, named{i.by, i.name, &i.title})
	}
	for _, g := range im.routing.groups {
		groups = append(groups, named{g.by, g.name, &g.title})
	}
	for _, i := range im.routing.instances {
		markTracked(i.references)
	}
	for _, g := range im.routing.groups {
		markTracked(g.references)
	}
	for _, w := range im.routing.watches {
		if w.tracked {
			watches = append(watches, named{w.by, w.name, &w.title})
		}
	}
	im.give(instances)
	im.give(groups)
	im.give(watches)
}

func markTracked(list []reference) {
	for _, ref := range list {
		ref.watch.tracked = true
	}
}

// counting returns what counts for an instance in its own table: with what its group tracks,
// if it is alone in that.
func (i *instance) counting() []reference {
	list := i.references
	if i.group == nil || len(i.group.instances) > 1 {
		return list
	}
	var all gathered
	for _, ref := range append(slices.Clone(list), i.group.references...) {
		if _, ok := all.find(ref.watch); !ok {
			all.add(ref)
		}
	}
	return all.list
}
