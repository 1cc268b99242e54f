package vip

import (
	"context"
	"errors"
)

// Manager keeps the wanted VIPs in the kernel. Its methods may be called from
// several goroutines at once.
type Manager struct{ opts Options }

// New opens the sockets of a Manager in the network namespace of the calling
// thread. It needs CAP_NET_ADMIN and CAP_NET_RAW, and starts nothing.
func New(opts Options) (*Manager, error) { return &Manager{opts: opts}, nil }

// Configure replaces the VIPs that this node answers for, held or not. It writes
// the ledger, then removes from the kernel every VIP of the ledger that is not
// wanted. At start that is the sweep of what a dead predecessor left behind. A
// VIP that stays configured and is wanted is left untouched. When it fails to
// write the ledger nothing has changed.
func (m *Manager) Configure(vips []VIP) error { return errors.ErrUnsupported }

// Set makes want, a subset of the configured VIPs, the VIPs that this node
// holds: it adds and announces what is missing, then removes the others. A VIP
// whose interface is missing or down is waited for; that is no error. Set(nil)
// returns when the kernel has no VIP any more. A Set that a later one overtakes
// stops and returns ErrSuperseded.
func (m *Manager) Set(want []VIP) error { return errors.ErrUnsupported }

// Run puts back what others remove, follows the interfaces, repeats the
// announcements and refreshes the lifetimes until ctx ends. It does not release.
// It may be run once at a time.
func (m *Manager) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Status returns the state of every configured VIP, in the order of Configure.
func (m *Manager) Status() []Status { return nil }

// Stats returns the counters.
func (m *Manager) Stats() Stats { return Stats{} }

// Close closes the sockets. It releases nothing: Set(nil) does.
func (m *Manager) Close() error { return nil }
