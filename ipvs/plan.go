package ipvs

import (
	"slices"
	"sort"
)

// intent is what is wanted of the kernel. The zero value wants nothing.
type intent struct {
	want []Service        // sorted by key, each once
	mine map[Key]struct{} // services that perch put there, or took over
	all  bool             // those of others are taken over or removed
}

// plan is how the kernel gets to what is wanted.
type plan struct {
	creates []step // services to be added, before the other steps
	steps   []step // in their order: nothing is taken away before all is there that is to be
	claims  []Key  // wanted services that become perch's by these steps
	foreign []Key  // services of others, which stay as they are
	blocked []Key  // wanted services that others have made: these stay as they are, too
}

// plan compares what the kernel has with what is wanted, both sorted by key.
func (in intent) plan(have []Service) plan {
	var p plan
	var c changes
	want := in.want
	for len(have) > 0 || len(want) > 0 {
		switch order := compareHeads(have, want, Service.compare); {
		case order > 0:
			p.claim(in, want[0].Key)
			c.create(want[0])
			want = want[1:]
		case order < 0:
			if in.owns(have[0].Key) {
				c.take(step{verb: removeService, Key: have[0].Key})
			} else {
				p.foreign = append(p.foreign, have[0].Key)
			}
			have = have[1:]
		default:
			if in.owns(want[0].Key) {
				p.claim(in, want[0].Key)
				c.edit(have[0], want[0])
			} else {
				p.blocked = append(p.blocked, want[0].Key)
			}
			have, want = have[1:], want[1:]
		}
	}
	p.creates, p.steps = c.services, c.steps()
	return p
}

// owns says that a service that exists may be changed.
func (in intent) owns(k Key) bool {
	_, mine := in.mine[k]
	return mine || in.all
}

func (p *plan) claim(in intent, k Key) {
	if _, mine := in.mine[k]; !mine {
		p.claims = append(p.claims, k)
	}
}

// rewrite returns the steps from old to want for the services that both have.
func rewrite(old, want []Service) []step {
	var c changes
	for len(old) > 0 && len(want) > 0 {
		switch order := old[0].compare(want[0]); {
		case order < 0:
			old = old[1:]
		case order > 0:
			want = want[1:]
		default:
			c.edit(old[0], want[0])
			old, want = old[1:], want[1:]
		}
	}
	return c.steps()
}

// changes collects steps, those that take servers or their traffic away for the end, and
// apart from them those that add services.
type changes struct{ services, first, last []step }

func (c *changes) steps() []step { return append(c.first, c.last...) }

func (c *changes) give(s step) { c.first = append(c.first, s) }
func (c *changes) take(s step) { c.last = append(c.last, s) }

func (c *changes) create(s Service) {
	c.services = append(c.services, step{verb: addService, Key: s.Key, Balancing: s.Balancing})
	for _, server := range s.Servers {
		c.give(step{verb: addServer, Key: s.Key, Server: server})
	}
}

// edit compares two services of one key.
func (c *changes) edit(have, want Service) {
	if have.Balancing != want.Balancing {
		c.give(step{verb: editService, Key: want.Key, Balancing: want.Balancing})
	}
	old, next := have.Servers, want.Servers
	for len(old) > 0 || len(next) > 0 {
		switch order := compareHeads(old, next, Server.compare); {
		case order > 0:
			c.give(step{verb: addServer, Key: want.Key, Server: next[0]})
			next = next[1:]
		case order < 0:
			c.take(step{verb: removeServer, Key: want.Key, Server: old[0]})
			old = old[1:]
		default:
			c.editServer(want.Key, old[0], next[0])
			old, next = old[1:], next[1:]
		}
	}
}

// editServer compares two servers of one address.
func (c *changes) editServer(k Key, have, want Server) {
	edit := step{verb: editServer, Key: k, Server: want}
	switch {
	case have == want:
	case want.Weight == 0:
		c.take(edit)
	default:
		c.give(edit)
	}
}

// compareHeads says of two sorted lists, of which one may have ended, whose first element
// comes first: below 0 that of a, above 0 that of b, 0 for one and the same.
func compareHeads[T any](a, b []T, compare func(T, T) int) int {
	switch {
	case len(a) == 0:
		return +1
	case len(b) == 0:
		return -1
	default:
		return compare(a[0], b[0])
	}
}

func (s Service) compare(o Service) int { return s.Key.Compare(o.Key) }
func (s Server) compare(o Server) int   { return s.Address.Compare(o.Address) }

// equal says that two services are the same, with the same servers.
func (s Service) equal(o Service) bool {
	return s.Key == o.Key && s.Balancing == o.Balancing && slices.Equal(s.Servers, o.Servers)
}

// find returns the service of a key in a sorted list.
func find(list []Service, k Key) (Service, bool) {
	i, found := slices.BinarySearchFunc(list, k, func(s Service, k Key) int { return s.Key.Compare(k) })
	if !found {
		return Service{}, false
	}
	return list[i], true
}

// ordered returns the list sorted by key, each once: a copy, unless it is like that already.
func ordered(list []Service) []Service {
	if inOrder(list) {
		return list
	}
	list = slices.Clone(list)
	sort.SliceStable(list, func(i, j int) bool { return list[i].Key.Compare(list[j].Key) < 0 })
	return slices.CompactFunc(list, sameKey)
}

func inOrder(list []Service) bool {
	for i := 1; i < len(list); i++ {
		if list[i-1].compare(list[i]) >= 0 {
			return false
		}
	}
	return true
}

func sameKey(a, b Service) bool { return a.Key == b.Key }
