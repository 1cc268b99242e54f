package vip

import (
	"encoding/binary"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fakeKernel is a transport to a model of the kernel: it speaks netlink messages,
// keeps addresses as Linux does, and lets them end with their lifetime.
type fakeKernel struct {
	mu        sync.Mutex
	links     []link
	addresses []address
	expiry    map[place]time.Time
	soonest   time.Time // no address ends before
	requests  []string  // what was asked of it and sent through it, as text
	sent      []sentFrame
	refuse    func(kind int, a address) error // may fail a request, nil for none
	latency   time.Duration                   // of each change
	overrun   bool                            // the next Notices loses one
	torn      int                             // so many dumps lack the second half, and say so
	sending   time.Duration                   // of each frame
	deaf      error                           // what Notices returns, nil for notifications
	notices   chan syscall.NetlinkMessage
	air       map[uint16]chan heardFrame // what neighbours say, by type of frame
	listening []uint16                   // what Listen was told
	unheard   error                      // what Listen and Hear return
	dumps     int                        // of all interfaces
	answers   [][]byte                   // to what was delivered
	silent    bool                       // nothing that is delivered is answered
	calls     calls
	closed    chan struct{}
	once      sync.Once
}

// calls counts what would be system calls.
type calls struct{ delivered, answered, sent int }

type sentFrame struct {
	at    time.Time
	index int
	data  []byte
}

func newFakeKernel(links ...link) *fakeKernel {
	return &fakeKernel{
		links:   links,
		expiry:  make(map[place]time.Time),
		notices: make(chan syscall.NetlinkMessage, 100_000),
		air: map[uint16]chan heardFrame{
			unix.ETH_P_ARP: make(chan heardFrame, 10_000), unix.ETH_P_IPV6: make(chan heardFrame, 10_000),
		},
		closed: make(chan struct{}),
	}
}

// ethernetLink is an interface that is ready for VIPs.
func ethernetLink(index int, name string) link {
	return link{index: index, name: name, up: true, running: true, ethernet: true, mac: hwAddr{2, 0, 0, 0, 0, byte(index)}}
}

func (k *fakeKernel) Request(kind, flags int, payload []byte, _ uint16) ([][]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	switch kind {
	case unix.RTM_GETLINK:
		if err := k.refused(kind, address{}); err != nil {
			return nil, err
		}
		if flags&unix.NLM_F_DUMP != 0 {
			return k.dumpLinks(), nil
		}
		return k.getLink(payload)
	case unix.RTM_SETLINK:
		return nil, k.setLink(payload)
	case unix.RTM_GETADDR:
		if answers := k.dump(); k.torn > 0 {
			k.torn--
			return answers[:len(answers)/2], unix.EINTR
		}
		return k.dump(), k.refused(kind, address{})
	}
	parse := parseAddress
	switch kind {
	case unix.RTM_GETROUTE:
		return k.dumpRanges(payload), k.refused(kind, address{})
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		parse = parseRange
	}
	a, err := parse(payload)
	if err != nil {
		return nil, err
	}
	k.pause(k.latency)
	if err := k.refused(kind, a); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(k.links, func(l link) bool { return l.index == a.index }) {
		return nil, unix.ENODEV
	}
	if kind == unix.RTM_DELADDR || kind == unix.RTM_DELROUTE {
		k.requests = append(k.requests, "del "+a.String())
		return nil, k.remove(a)
	}
	if flags&unix.NLM_F_EXCL != 0 {
		k.requests = append(k.requests, "add "+a.String())
	} else {
		k.requests = append(k.requests, "replace "+a.String())
	}
	return nil, k.add(a, flags&unix.NLM_F_REPLACE != 0)
}

// pause lets others in for a while.
func (k *fakeKernel) pause(d time.Duration) {
	if d > 0 {
		k.mu.Unlock()
		time.Sleep(d)
		k.mu.Lock()
	}
}

func (k *fakeKernel) refused(kind int, a address) error {
	if k.refuse == nil {
		return nil
	}
	return k.refuse(kind, a)
}

func (k *fakeKernel) getLink(payload []byte) ([][]byte, error) {
	index := int(binary.NativeEndian.Uint32(payload[4:]))
	for kind, value := range attributes(payload[unix.SizeofIfInfomsg:]) {
		for _, l := range k.links {
			if index != 0 && l.index == index {
				return [][]byte{appendLink(nil, l)}, nil
			}
			if kind == unix.IFLA_IFNAME && l.name == cString(value) {
				return [][]byte{appendLink(nil, l)}, nil
			}
		}
	}
	return nil, unix.ENODEV
}

// setLink knows one setting.
func (k *fakeKernel) setLink(payload []byte) error {
	if err := k.refused(unix.RTM_SETLINK, address{}); err != nil {
		return err
	}
	index := int(binary.NativeEndian.Uint32(payload[4:]))
	// The setting is three attributes deep, each of which has a header.
	setting := payload[unix.SizeofIfInfomsg+3*unix.SizeofRtAttr:]
	for kind, value := range attributes(setting) {
		if kind != promoteSecondaries {
			return unix.EINVAL
		}
		for i := range k.links {
			if k.links[i].index == index {
				k.links[i].promotes = uint32At(value, 0) != 0
				return nil
			}
		}
	}
	return unix.ENODEV
}

func (k *fakeKernel) dump() [][]byte {
	var answers [][]byte
	for _, a := range k.addresses {
		if a.isRange() {
			continue
		}
		if end, ends := k.expiry[a.place()]; ends {
			left := uint32((max(time.Until(end), 0) + time.Second - 1) / time.Second)
			a.valid, a.preferred = left, min(left, a.preferred)
		}
		answers = append(answers, appendDump(nil, a))
	}
	return answers
}

func (k *fakeKernel) find(at place) int {
	return slices.IndexFunc(k.addresses, func(a address) bool { return a.place() == at })
}

// add does what inet_rtm_newaddr and inet6_rtm_newaddr do.
func (k *fakeKernel) add(a address, replace bool) error {
	if a.isRange() {
		return k.addRange(a, replace)
	}
	if !a.is4() && a.preferred == 0 {
		a.flags |= unix.IFA_F_DEPRECATED
	}
	i := slices.IndexFunc(k.addresses, func(b address) bool {
		return b.place() == a.place() || !a.is4() && b.spot() == a.spot()
	})
	if i >= 0 && !replace {
		return unix.EEXIST
	}
	if i >= 0 {
		if !a.is4() {
			k.addresses[i].flags = a.flags
		}
		k.addresses[i].valid, k.addresses[i].preferred = a.valid, a.preferred
		k.addresses[i].metric, k.addresses[i].proto = a.metric, a.proto
		k.keep(a)
		k.emit(unix.RTM_NEWADDR, k.addresses[i])
		return nil
	}
	at := 0
	for i, b := range k.addresses {
		if b.isRange() {
			continue
		}
		if a.is4() && b.is4() && b.subnetOf() == a.subnetOf() {
			if b.scope != a.scope {
				return unix.EINVAL
			}
			a.flags |= unix.IFA_F_SECONDARY
		}
		if b.is4() && !b.secondary() {
			at = i + 1
		}
	}
	if a.secondary() || !a.is4() {
		at = len(k.addresses)
	}
	k.addresses = slices.Insert(k.addresses, at, a)
	k.keep(a)
	k.emit(unix.RTM_NEWADDR, a)
	return nil
}

// keep notes when an address ends.
func (k *fakeKernel) keep(a address) {
	delete(k.expiry, a.place())
	if a.valid == forever || a.valid == 0 {
		return
	}
	end := time.Now().Add(time.Duration(a.valid) * time.Second)
	k.expiry[a.place()] = end
	if len(k.expiry) == 1 || end.Before(k.soonest) {
		k.soonest = end
	}
}

func (k *fakeKernel) expire() {
	now := time.Now()
	if now.Before(k.soonest) {
		return
	}
	next := now.Add(time.Hour)
	for at, end := range k.expiry {
		if i := k.find(at); i >= 0 && !now.Before(end) {
			_ = k.remove(k.addresses[i])
		} else if end.Before(next) {
			next = end
		}
	}
	k.soonest = next
}

// remove does what __inet_del_ifa does.
func (k *fakeKernel) remove(a address) error {
	i := k.find(a.place())
	switch {
	case i < 0 && a.isRange():
		return unix.ESRCH
	case i < 0:
		return unix.EADDRNOTAVAIL
	}
	a = k.addresses[i]
	k.drop(i)
	if !a.hasPrimary() || a.secondary() {
		return nil
	}
	for i := 0; i < len(k.addresses); i++ {
		b := k.addresses[i]
		if !b.secondary() || b.subnetOf() != a.subnetOf() {
			continue
		}
		if k.promotes(a.index) {
			k.addresses[i].flags &^= unix.IFA_F_SECONDARY
			return nil
		}
		k.drop(i)
		i--
	}
	return nil
}

func (k *fakeKernel) drop(i int) {
	a := k.addresses[i]
	k.addresses = slices.Delete(k.addresses, i, i+1)
	delete(k.expiry, a.place())
	if a.isRange() {
		k.notify(unix.RTM_DELROUTE, appendRange(nil, a))
		return
	}
	k.emit(unix.RTM_DELADDR, a)
}

func (k *fakeKernel) promotes(index int) bool {
	return slices.ContainsFunc(k.links, func(l link) bool { return l.index == index && l.promotes })
}

func (k *fakeKernel) emit(kind uint16, a address) {
	k.notify(kind, appendDump(nil, a))
}

func (k *fakeKernel) notify(kind uint16, payload []byte) {
	k.notices <- syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: kind}, Data: payload}
}

func (k *fakeKernel) Notices() ([]syscall.NetlinkMessage, error) {
	if k.deaf != nil {
		return nil, k.deaf
	}
	select {
	case <-k.closed:
		return nil, os.ErrClosed
	case msg := <-k.notices:
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.overrun {
			k.overrun = false
			return nil, unix.ENOBUFS
		}
		return []syscall.NetlinkMessage{msg}, nil
	}
}

func (k *fakeKernel) Interrupt() { k.once.Do(func() { close(k.closed) }) }

func (k *fakeKernel) Close() error { k.Interrupt(); return nil }

func (k *fakeKernel) Send(packets []packet) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls.sent++
	for i, p := range packets {
		k.pause(k.sending)
		if err := k.refused(0, address{index: p.index}); err != nil {
			if i > 0 {
				err = nil
			}
			return i, err
		}
		k.sent = append(k.sent, sentFrame{time.Now(), p.index, slices.Clone(p.frame)})
		if a, ok := asAnnouncement(capturedFrame{data: p.frame}); ok {
			k.requests = append(k.requests, a.kind+" "+a.addr.String())
		}
	}
	return len(packets), nil
}
