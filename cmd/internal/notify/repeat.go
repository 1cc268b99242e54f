package notify

import "slices"

// Repeat tells of states that were told before, in this order, whoever wants to hear of them
// again. Nothing that waits is void by them, they take no room of changes, and are not
// counted. It waits for nobody.
func (n *Notifier) Repeat(states ...Event) {
	n.mu.Lock()
	orders := map[*lane][]order{}
	for _, state := range states {
		for _, entry := range n.again(state) {
			l := n.lane(entry.lane(state.Subject))
			orders[l] = append(orders[l], order{entry: entry, event: state, again: true})
		}
	}
	for l, list := range orders {
		l.repeat(list)
	}
	n.mu.Unlock()
	n.wake()
}

// again returns the entries that want to hear of a state again, one for each target.
func (n *Notifier) again(state Event) (list []*Entry) {
	for _, entry := range n.index.find(state.Subject) {
		known := slices.ContainsFunc(list, func(e *Entry) bool { return e.Key == entry.Key })
		if entry.Again && !known && slices.Contains(entry.On, state.Kind) {
			list = append(list, entry)
		}
	}
	return list
}
