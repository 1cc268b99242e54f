package vip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// lookEvery is how often the kernel is looked at without a reason.
const lookEvery = time.Minute

// Run puts back what others remove, follows the interfaces, repeats the
// announcements and refreshes the lifetimes until ctx ends. It does not release.
// It can be run once.
func (m *Manager) Run(ctx context.Context) error {
	if m.running.Swap(true) {
		return errors.New("run VIP manager: it ran before")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched, written := make(chan error, 1), make(chan struct{})
	var listening sync.WaitGroup
	for _, etherType := range heard() {
		listening.Go(func() { m.hear(ctx, etherType) })
	}
	go func() {
		watched <- m.watch()
		cancel()
	}()
	go func() {
		defer close(written)
		m.scribe(ctx)
	}()
	m.loop(ctx)
	m.kernel.Interrupt()
	listening.Wait()
	<-written
	return <-watched
}

// scribe writes what may wait for a disk or the reader of a log, so that nothing
// else does.
func (m *Manager) scribe(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.pen:
			m.journal.Flush()
			m.shorten()
		}
	}
}

// loop keeps the timers.
func (m *Manager) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		case <-timer.C:
		}
		next := m.turn()
		poke(m.pen)
		timer.Reset(time.Until(next))
	}
}

// turn does what is due, and returns when something is due next. What is no
// longer wanted needs neither announcement nor refresh, so that whoever waits to
// give it up does not wait for these.
func (m *Manager) turn() time.Time {
	m.take()
	defer m.give()
	m.yield()
	if m.lookDue(time.Now()) {
		m.lookAgain()
	}
	m.attend()
	now := time.Now()
	m.judge(now)
	m.recall(now)
	m.speakUp(now)
	if m.anew.Swap(false) {
		m.renewals.Hasten(now)
	}
	m.renewDue(now)
	return m.deadline()
}

// speakUp says what is due to be said, in batches.
func (m *Manager) speakUp(now time.Time) {
	var size batchSize
	m.repeat(now, &size)
	m.announcer.Send()
	m.sweep(now)
	for v, ok := m.defences.Take(now); ok; v, ok = m.defences.Take(now) {
		m.defend(v, now)
		m.sendFull(&size)
	}
	for v, ok := m.questions.Take(now); ok; v, ok = m.questions.Take(now) {
		m.ask(v, now)
		m.sendFull(&size)
	}
	m.announcer.Send()
}

// repeat writes the announcements that are due, and sends full batches of them.
func (m *Manager) repeat(now time.Time, size *batchSize) {
	for v, ok := m.schedule.Take(now); ok; v, ok = m.schedule.Take(now) {
		m.tell(v, now)
		m.sendFull(size)
	}
}

// sendFull sends what was written, if it fills a batch.
func (m *Manager) sendFull(size *batchSize) {
	n := m.announcer.Written()
	if n < size.Most() {
		return
	}
	begin := time.Now()
	m.announcer.Send()
	size.Took(n, time.Since(begin))
}

func (m *Manager) lookDue(now time.Time) bool { return !now.Before(m.nextSync()) }

// nextSync is when the kernel is to be looked at again.
func (m *Manager) nextSync() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.looked.Add(lookEvery)
	switch {
	case m.demanded || m.yields:
		return time.Time{}
	case m.dirty:
		next = m.notBefore
	}
	if !m.retry.IsZero() && m.retry.Before(next) {
		next = m.retry
	}
	return next
}

// deadline is the next time at which something is due.
func (m *Manager) deadline() time.Time {
	next := m.nextSync()
	for _, due := range [...]func() (time.Time, bool){
		m.schedule.Deadline, m.sweeps.Deadline, m.renewals.Deadline, m.defences.Deadline, m.questions.Deadline, m.judgeDue,
	} {
		if at, any := due(); any && at.Before(next) {
			next = at
		}
	}
	return next
}

// lookAgain syncs, and tells what is wrong each time it changes.
func (m *Manager) lookAgain() {
	err := m.sync(patiently)
	switch err {
	case nil, ErrNotAllowed:
		return
	case ErrSuperseded:
		return // by a Want, which is next, or by a Set that waits for op, or will soon
	}
	if text := err.Error(); text != m.told {
		m.told = text
		m.journal.Say(slog.LevelError, "addresses are not as wanted", "error", err)
	}
}

// renewDue refreshes the lifetimes that are due, in batches, and with them those that soon
// will be. Before each it is asked anew whether the VIPs are still wanted.
func (m *Manager) renewDue(now time.Time) {
	var buffer [perBeat]VIP
	due, until := buffer[:0], now.Add(early(m.lifetime))
	for v, ok := m.renewals.Take(now); ok; v, ok = m.renewals.TakeEarly(now, until) {
		m.renewals.Put(v, now.Add(m.lifetime/refreshesPerLife)) // unless it is refreshed
		due = append(due, v)
	}
	var size batchSize
	for n := 0; len(due) > 0; due = due[n:] {
		n = min(size.Most(), len(due))
		begin := time.Now()
		m.renew(due[:n], now)
		size.Took(n, time.Since(begin))
	}
}

// renew refreshes the lifetimes of those of a batch that are wanted, and may be held.
func (m *Manager) renew(batch []VIP, now time.Time) {
	list, of := m.renewable(batch, now)
	if len(list) == 0 {
		return
	}
	errs := m.kernel.ReplaceAll(list)
	for i, err := range errs {
		if err == nil {
			m.refreshed.Add(1)
			continue
		}
		m.renewals.Put(of[i], now.Add(min(m.lifetime/refreshesPerLife, retryAfter)))
		if !noInterface(err) { // else its notification is on the way
			m.journal.Say(slog.LevelWarn, "lifetime not refreshed", "vip", of[i], "error", err)
		}
	}
}

// renewable returns the addresses of those of a batch that are wanted, and may be held, with
// the lifetimes that begin at now, and which these are, in the memory of the batch.
func (m *Manager) renewable(batch []VIP, now time.Time) (list []address, of []VIP) {
	list, of = m.addresses[:0], batch[:0]
	for _, v := range batch {
		if !m.mayHold(v) {
			continue
		}
		e, given := m.entries[v], m.lifetimeOf(v)
		m.renewals.Put(v, m.nextRenewal(given, e.given, now))
		e.given = given
		list, of = append(list, e.address.lasting(seconds(given), m.dress.of(v))), append(of, v)
	}
	m.addresses = list
	return list, of
}

// mayHold reports whether a VIP is wanted, and may be held at this moment: either may change
// before the address has gone.
func (m *Manager) mayHold(v VIP) bool {
	m.mu.Lock()
	_, wanted := m.wanted[v]
	m.mu.Unlock()
	return wanted && m.allowed(v)
}

// watch reads notifications until it is interrupted.
func (m *Manager) watch() error {
	for {
		messages, err := m.kernel.Notices()
		switch {
		case errors.Is(err, os.ErrClosed):
			return nil
		case errors.Is(err, unix.ENOBUFS):
			m.overrun()
		case err != nil:
			return fmt.Errorf("read netlink notifications: %w", err)
		case m.note(messages):
			poke(m.wake)
		}
	}
}

// overrun makes good for lost notifications: all is read anew, and as an
// interface may have come back meanwhile, all is announced anew.
func (m *Manager) overrun() {
	m.overruns.Add(1)
	m.disturbed(map[int]struct{}{everywhere: {}})
	poke(m.wake)
}
