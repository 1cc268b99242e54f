package vrrpnet

import (
	"cmp"
	"slices"
)

// Status returns what is known of the instances, by name; nothing when the engine has
// ended.
func (e *Engine) Status() []Status {
	var all []Status
	e.commands.call(func() {
		for _, r := range e.runners {
			all = append(all, r.status())
		}
	})
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Heard returns who was heard, by instance. Times are those of Clock.
func (e *Engine) Heard() map[string]Heard {
	all := map[string]Heard{}
	e.commands.call(func() {
		for name, r := range e.runners {
			all[name] = r.heard()
		}
	})
	return all
}
