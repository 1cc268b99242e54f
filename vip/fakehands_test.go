package vip

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// This file is what tests do to the model of the kernel, and ask of it.

// byHand removes an address as an operator would.
func (k *fakeKernel) byHand(index int, prefix string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.remove(address{index: index, prefix: netip.MustParsePrefix(prefix)})
}

// put adds an address as an operator would.
func (k *fakeKernel) put(index int, prefix string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := address{index: index, prefix: netip.MustParsePrefix(prefix), valid: forever, preferred: forever}
	if err := k.add(a, false); err != nil {
		panic(fmt.Sprintf("put %s: %v", prefix, err))
	}
}

// list is all addresses as text, in the kernel's order.
func (k *fakeKernel) list() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	list := []string{}
	for _, a := range k.addresses {
		list = append(list, a.prefix.String())
	}
	return list
}

// change replaces an interface, as its notification tells. A link without a name
// is removed, with its addresses.
func (k *fakeKernel) change(l link) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.links, func(old link) bool { return old.index == l.index })
	switch {
	case l.name == "":
		gone := k.links[i]
		k.links = slices.Delete(k.links, i, i+1)
		k.flush(func(a address) bool { return a.index == l.index })
		k.notify(unix.RTM_DELLINK, appendLink(nil, gone))
		return
	case i < 0:
		k.links = append(k.links, l)
	default:
		k.links[i] = l
	}
	if !l.up {
		k.flush(func(a address) bool { return a.index == l.index && !a.is4() })
	}
	k.notify(unix.RTM_NEWLINK, appendLink(nil, l))
}

func (k *fakeKernel) flush(match func(address) bool) {
	for i := len(k.addresses) - 1; i >= 0; i-- {
		if match(k.addresses[i]) {
			k.drop(i)
		}
	}
}

// takeRequests returns the requests since the last call.
func (k *fakeKernel) takeRequests() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.takeRequestsLocked()
}

func (k *fakeKernel) takeRequestsLocked() []string {
	list := k.requests
	k.requests = nil
	return list
}

// announced are the announcements of an address since the start, and their times.
func (k *fakeKernel) announced(addr string) []announcement {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []announcement
	for _, f := range k.sent {
		if a, ok := asAnnouncement(capturedFrame{f.at, f.data}); ok && a.addr == netip.MustParseAddr(addr) {
			list = append(list, a)
		}
	}
	return list
}

// refuses lets requests of a kind fail, 0 for frames. A nil err ends that.
func (k *fakeKernel) refuses(kind int, err error) {
	k.locked(func() {
		k.refuse = func(asked int, _ address) error {
			if asked == kind {
				return err
			}
			return nil
		}
	})
}

func (k *fakeKernel) locked(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}
