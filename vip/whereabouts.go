package vip

// whereabouts are where VIPs belong. To find it out anew for thousands of them would take
// longer than all else before the first of them is added.
type whereabouts struct {
	of      []VIP          // the configured ones
	indexes map[string]int // of their interfaces, by the names that VIPs use
	owners  map[spot]VIP   // by where they belong
	shared  bool           // two of them belong to one spot, by two names of one interface
}

// hold reports whether w is true of these VIPs and interfaces. Who has a shared spot is
// another question each time.
func (w whereabouts) hold(configured []VIP, links map[string]link) bool {
	if w.shared || !sameList(w.of, configured) || len(w.indexes) != len(links) {
		return false
	}
	for name, l := range links {
		if index, known := w.indexes[name]; !known || index != l.index {
			return false
		}
	}
	return true
}

// locate finds out where VIPs belong. Where two of them belong to one spot a wanted one
// has it.
func locate(configured []VIP, links map[string]link, wants func(VIP) bool) whereabouts {
	w := whereabouts{of: configured, indexes: make(map[string]int, len(links)), owners: make(map[spot]VIP, len(configured))}
	for name, l := range links {
		w.indexes[name] = l.index
	}
	for _, vip := range configured {
		l, exists := links[vip.Interface]
		if !exists {
			continue
		}
		at := vip.spot(l.index)
		other, taken := w.owners[at]
		w.shared = w.shared || taken
		if taken && wants(other) {
			continue
		}
		w.owners[at] = vip
	}
	return w
}

// sameList reports whether a and b are one list. A list that is installed is never changed.
func sameList(a, b []VIP) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
