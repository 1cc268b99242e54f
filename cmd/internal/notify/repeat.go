package notify

import "slices"

// Repeat tells of states that were told before, in this order, whoever wants to hear of them
// again. Nothing that waits is void by them, they take no room of changes, and are not
// counted. It waits for nobody.
func (n *Notifier) Repeat(states ...Event) {
	n.mu.Lock()
	for _, state := range states {
		n.repeat(state)
	}
	n.mu.Unlock()
	n.wake()
}

// repeat does so with one state. Of several entries with one Key the target is told once.
func (n *Notifier) repeat(state Event) {
	heard := map[string]bool{}
	for _, entry := range n.index.find(state.Subject) {
		if !entry.Again || heard[entry.Key] || !slices.Contains(entry.On, state.Kind) {
			continue
		}
		heard[entry.Key] = true
		n.lane(entry.lane(state.Subject)).repeat(order{entry: entry, event: state})
	}
}
