package vip

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/perch-vip/perch/vip/atomicfile"
)

// Configure replaces the VIPs that this node answers for, held or not. It writes
// the ledger, then removes from the kernel every VIP of the ledger that is not
// wanted. At start that is the sweep of what a dead predecessor left behind. A
// VIP that stays configured and wanted is untouched; where nothing but the prefix
// length changes, the new address comes before the old one goes.
//
// Where vips cannot be VIPs (ErrInvalid) or the ledger cannot be written (ErrLedger)
// nothing changes, except that the first call sweeps all the same when it cannot
// write. After any other error the configuration is in force, and what the kernel
// refused is tried again by Run, which also takes out of the ledger what has gone.
func (m *Manager) Configure(vips []VIP) error {
	if err := checkVIPs(vips); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	defer m.journal.Flush()
	m.configuring.Lock()
	defer m.configuring.Unlock()
	old := m.predecessors()
	if err := m.checkStrangers(vips, old); err != nil {
		return err
	}
	all := union(vips, old)
	if err := m.record(all); err != nil {
		err = fmt.Errorf("%w: %w", ErrLedger, err)
		if m.opened {
			return err
		}
		return errors.Join(err, m.enforce(nil, all))
	}
	m.opened = true
	return m.enforce(vips, old)
}

// checkStrangers makes sure that no range has an address of this host: it would be taken
// from the host, and fenced, when another node has the range.
func (m *Manager) checkStrangers(vips, old []VIP) error {
	list := ranges(vips)
	if len(list) == 0 {
		return nil
	}
	m.take()
	defer m.give()
	addresses, _, err := m.kernel.Addresses(func(int) bool { return true })
	if err != nil {
		return err
	}
	found := strangers(list, addresses, vips, old, m.company.besides(m))
	var errs []error
	for _, v := range list {
		if addr, any := found[v]; any {
			errs = append(errs, fmt.Errorf("%w: VIP %s: %s is an address of this host", ErrInvalid, v, addr))
		}
	}
	return errors.Join(errs...)
}

// shorten takes out of the ledger what has gone. No change of the configuration
// waits for it: what the ledger has too much of does no harm yet.
func (m *Manager) shorten() {
	if !m.shorter.Swap(false) {
		return
	}
	m.configuring.Lock()
	defer m.configuring.Unlock()
	if err := m.record(m.predecessors()); err != nil {
		m.journal.Say(slog.LevelWarn, "ledger keeps addresses that are gone", "error", err)
	}
}

// checkVIPs finds all mistakes.
func checkVIPs(vips []VIP) error {
	seen := make(map[VIP]VIP, len(vips))
	var errs []error
	for _, v := range vips {
		if other, again := seen[v.bare()]; again {
			errs = append(errs, fmt.Errorf("VIP %s: same address and interface as %s", v, other))
		}
		seen[v.bare()] = v
		errs = append(errs, v.check())
	}
	return errors.Join(append(errs, checkOverlaps(vips))...)
}

// predecessors are the VIPs that may be in the kernel from before: at first those
// of the ledger, later those of the last configuration. A ledger that cannot be
// read must not keep the node from starting.
func (m *Manager) predecessors() []VIP {
	if m.opened {
		m.mu.Lock()
		defer m.mu.Unlock()
		return union(m.configured, m.retired)
	}
	vips, err := m.ledger.Read()
	if err == nil {
		m.written, m.known = vips, true
		return vips
	}
	aside, failed := m.ledger.SetAside()
	m.journal.Say(slog.LevelError, "ledger set aside; what an earlier run left is removed only where it is configured",
		"set_aside", aside, "error", errors.Join(err, failed))
	return nil
}

// record writes vips into the ledger if it does not say so already.
func (m *Manager) record(vips []VIP) error {
	if m.known && sameSet(m.written, vips) {
		return nil
	}
	err := m.ledger.Write(vips)
	switch {
	case err == nil:
		m.written, m.known = vips, true
	case errors.Is(err, atomicfile.ErrUnsynced):
		m.known = false
	}
	return err
}

// enforce puts a configuration in force; old are VIPs of earlier ones.
func (m *Manager) enforce(vips, old []VIP) error {
	m.take()
	defer m.give()
	defer poke(m.wake)
	m.install(vips, old)
	for {
		if err := m.sync(atOnce); !errors.Is(err, ErrSuperseded) {
			return err
		}
	}
}

// install makes vips the configured ones. Their addresses go with the next sync.
func (m *Manager) install(vips, old []VIP) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.company.configure(m, vips)
	for _, v := range m.state.install(vips, old) {
		m.silence(v)
		m.renewals.Drop(v)
	}
	m.company.wants(m, m.singles)
}

// union is a followed by what b has besides.
func union(a, b []VIP) []VIP {
	all := slices.Clone(a)
	in := make(map[VIP]struct{}, len(a))
	for _, v := range a {
		in[v] = struct{}{}
	}
	for _, v := range b {
		if _, ok := in[v]; !ok {
			all = append(all, v)
		}
	}
	return all
}

// sameSet reports whether a and b, each without repetitions, have the same VIPs.
func sameSet(a, b []VIP) bool { return len(a) == len(b) && len(union(a, b)) == len(a) }
