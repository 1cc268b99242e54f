package vip

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// dumpTries is how often a dump is begun anew that other changes ran into.
const dumpTries = 5

// kernel reads and changes addresses through netlink.
type kernel struct {
	transport
	exchange *exchange
}

// Link looks up an interface by name or alternative name. It returns false when
// there is none.
func (k kernel) Link(name string) (link, bool, error) {
	l, exists, err := k.link(appendLinkQuery(nil, name, 0))
	if err != nil {
		err = fmt.Errorf("look up interface %s: %w", name, err)
	}
	return l, exists, err
}

// LinkAt looks up an interface by index.
func (k kernel) LinkAt(index int) (link, bool, error) {
	l, exists, err := k.link(appendLinkQuery(nil, "", index))
	if err != nil {
		err = fmt.Errorf("look up interface %d: %w", index, err)
	}
	return l, exists, err
}

func (k kernel) link(query []byte) (link, bool, error) {
	answers, err := k.Request(unix.RTM_GETLINK, 0, query, unix.RTM_NEWLINK)
	switch {
	case errors.Is(err, unix.ENODEV):
		return link{}, false, nil
	case err != nil:
		return link{}, false, err
	case len(answers) != 1:
		return link{}, false, fmt.Errorf("%d answers: %w", len(answers), unix.EPROTO)
	}
	found, err := parseLink(answers[0])
	return found.link, err == nil, err
}

// Addresses lists the addresses of the interfaces for which of returns true. The
// list is complete unless complete is false: then others changed addresses faster
// than they could be read.
func (k kernel) Addresses(of func(index int) bool) (list []address, complete bool, err error) {
	var answers [][]byte
	for range dumpTries {
		answers, err = k.Request(unix.RTM_GETADDR, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfAddrmsg), unix.RTM_NEWADDR)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	complete = err == nil
	if err != nil && !errors.Is(err, unix.EINTR) {
		return nil, false, fmt.Errorf("list addresses: %w", err)
	}
	for _, b := range answers {
		a, err := parseAddress(b)
		if err != nil {
			return nil, false, fmt.Errorf("list addresses: %w", err)
		}
		if of(a.index) {
			list = append(list, a)
		}
	}
	return list, complete, nil
}

// MACs are those of all interfaces, also those that a port of a bond had before.
func (k kernel) MACs() (map[hwAddr]struct{}, error) {
	var answers [][]byte
	var err error
	for range dumpTries {
		answers, err = k.Request(unix.RTM_GETLINK, unix.NLM_F_DUMP, appendLinkQuery(nil, "", 0), unix.RTM_NEWLINK)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	macs := make(map[hwAddr]struct{})
	for _, b := range answers {
		for kind, value := range attributes(b[min(unix.SizeofIfInfomsg, len(b)):]) {
			if (kind == unix.IFLA_ADDRESS || kind == unix.IFLA_PERM_ADDRESS) && len(value) == len(hwAddr{}) {
				macs[hwAddr(value)] = struct{}{}
			}
		}
	}
	return macs, nil
}

// Add adds an address. That it is there already is unix.EEXIST.
func (k kernel) Add(a address) error {
	return k.change(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, a)
}

// AddAll is Add for at most batchMost addresses at once, with the errors in this order
// until the next such call.
func (k kernel) AddAll(list []address) []error {
	return k.exchange.With(k.transport, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, list)
}

// Replace adds an address, or renews what can be changed of it.
func (k kernel) Replace(a address) error {
	return k.change(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, a)
}

// ReplaceAll is Replace as AddAll is Add.
func (k kernel) ReplaceAll(list []address) []error {
	return k.exchange.With(k.transport, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, list)
}

// RemoveAll removes addresses as AddAll adds them. That one or its interface is gone is
// success.
func (k kernel) RemoveAll(list []address) []error {
	errs := k.exchange.With(k.transport, unix.RTM_DELADDR, 0, list)
	for i, err := range errs {
		if errors.Is(err, unix.EADDRNOTAVAIL) || noInterface(err) || list[i].isRange() && errors.Is(err, unix.ESRCH) {
			errs[i] = nil
		}
	}
	return errs
}

func (k kernel) change(kind, flags int, a address) error {
	payload, kind := appendChange(nil, kind, a)
	_, err := k.Request(kind, flags|unix.NLM_F_ACK, payload, 0)
	return err
}

// Promote sets whether secondary IPv4 addresses of an interface outlive their primary.
func (k kernel) Promote(index int, value uint32) error {
	_, err := k.Request(unix.RTM_SETLINK, unix.NLM_F_ACK, appendPromotion(nil, index, value), 0)
	return err
}

// noInterface reports whether err is the kernel's way of saying that an
// interface does not exist, or not any more.
func noInterface(err error) bool { return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) }
