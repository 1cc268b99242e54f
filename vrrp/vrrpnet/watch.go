package vrrpnet

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/perch-vip/perch/vrrp"
)

// watch is what the lookouts have heard.
type watch struct {
	inbox  *inbox // of the goroutine that logs
	list   []duty // likewise: the lookouts
	failed string // likewise: which was logged

	mu        sync.Mutex // never held by the loop
	strangers vrrp.Strangers
}

// Unknown returns who was heard lately of a VRID that no instance has on that interface,
// by interface, VRID and address. Times are those of Clock. It waits for nothing.
func (e *Engine) Unknown() []vrrp.Stranger {
	e.watch.mu.Lock()
	all := e.watch.strangers.Append(nil)
	e.watch.mu.Unlock()
	slices.SortFunc(all, func(a, b vrrp.Stranger) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.VRID, b.VRID), a.Address.Compare(b.Address))
	})
	return all
}

// logUnknown reads what the lookouts have heard since it was called last, and logs whom
// it did not know.
func (e *Engine) logUnknown() {
	for _, s := range e.watch.look(Clock(), e.watch.list) {
		e.log.Info("a VRID is heard that this node has no router for",
			"interface", s.Interface, "vrid", s.VRID, "router", s.Address.String(), "version", int(s.Version), "priority", s.Priority)
	}
}

// inspect finds out which lookouts there are, and closes those that are no more.
func (e *Engine) inspect() {
	w := &e.watch
	var gone []*lookout
	var failed error
	e.commands.call(func() { w.list, gone, failed = e.duties() })
	closeAll(gone)
	text := ""
	if failed != nil {
		text = failed.Error()
	}
	if text != "" && text != w.failed {
		e.log.Error("not all VRIDs are heard that this node has no router for", "error", failed)
	}
	w.failed = text
}

// look reads the lookouts, and returns of whom a line is due.
func (w *watch) look(now time.Duration, list []duty) (due []vrrp.Stranger) {
	if len(list) > 0 && w.inbox == nil {
		w.inbox = newInbox()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range list {
		w.hear(now, d)
	}
	w.strangers.Forget(now, strange(list))
	for s, ok := w.strangers.Due(now); ok; s, ok = w.strangers.Due(now) {
		due = append(due, s)
	}
	return due
}

// lookBatches is how many batches of packets of one lookout are read at one time. Of a
// flood the kernel drops what there is no room for.
const lookBatches = 32

// hear reads one lookout. Some packets may be older than its filter.
func (w *watch) hear(now time.Duration, d duty) {
	for range lookBatches {
		n, _ := w.inbox.receive(d.fd) // an error is that of an earlier packet, and is gone now
		for i := range n {
			if p, ok := d.kind.parse(w.inbox, i); ok {
				w.strangers.Hear(now, d.kind.name, p)
			}
		}
		if n < receiveBatch {
			return
		}
	}
}
