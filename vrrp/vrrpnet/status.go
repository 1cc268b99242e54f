package vrrpnet

import (
	"maps"
	"slices"
	"strings"
)

// Status returns what is known of the instances, by name; nothing when the engine has
// ended.
func (e *Engine) Status() []Status {
	var all []Status
	e.commands.call(func() {
		all = make([]Status, 0, len(e.runners))
		for _, r := range e.runners {
			all = append(all, r.status())
		}
	})
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
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
