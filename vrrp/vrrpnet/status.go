package vrrpnet

import (
	"maps"
	"slices"
	"sort"
)

// Status returns what is known of the instances, by name; nothing when the engine has
// ended.
func (e *Engine) Status() []Status {
	var all []Status
	e.commands.call(func() {
		for _, r := range e.runners {
			e.catchUp(r)
			all = append(all, r.status())
		}
	})
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// Heard returns who was heard, by instance. Times are those of Clock.
func (e *Engine) Heard() map[string]Heard {
	var names []string
	e.commands.call(func() { names = slices.Collect(maps.Keys(e.runners)) })
	all := map[string]Heard{}
	for some := range slices.Chunk(names, heardAtOnce) {
		e.commands.call(func() {
			for _, name := range some {
				if r := e.runners[name]; r != nil {
					e.catchUp(r)
					all[name] = r.heard()
				}
			}
		})
	}
	return all
}

// heardAtOnce is of how many instances it is told at once who was heard: the adverts of
// all wait meanwhile.
const heardAtOnce = 32
