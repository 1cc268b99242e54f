package ipvs

import (
	"context"
	"errors"
	"time"
)

const (
	// reviewEvery is how often the kernel is compared with what is wanted: it tells nobody
	// of changes.
	reviewEvery = 10 * time.Second
	// firstPause is the one before the first retry; each is twice as long as the last, up
	// to reviewEvery.
	firstPause = 500 * time.Millisecond
)

// Run carries out what Set demands, mends what others change, and tries again what did not
// work, until ctx ends. Then it puts the timeouts back to what they were; the services stay
// in the kernel, unless Settings.AtEnd says otherwise. It can be run once.
func (m *Manager) Run(ctx context.Context) error {
	if m.running.Swap(true) {
		return errors.New("run IPVS manager: it ran before")
	}
	defer m.end()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wake:
		case l := <-m.looks:
			m.digest(l)
		case <-timer.C:
		}
		timer.Reset(time.Until(m.turn()))
	}
}

func (m *Manager) end() {
	m.op.Lock()
	defer m.op.Unlock()
	if m.looking {
		<-m.looks
		m.looking = false
	}
	m.sweep()
	if m.kernel == nil {
		return
	}
	if err := m.lend(Timeouts{}); err != nil {
		m.log.Warn("timeouts of IPVS not put back", "error", err)
	}
	m.hangUp()
}

// turn does what is due, and returns when something is due next.
func (m *Manager) turn() time.Time {
	m.op.Lock()
	defer m.op.Unlock()
	idle := time.Now().Add(reviewEvery)
	d := m.demanded()
	if d == nil {
		return idle
	}
	settled := m.amend(*d)
	if !m.looking && (!settled || !time.Now().Before(m.due)) {
		m.look(*d)
	}
	if m.looking {
		return idle
	}
	return m.due
}

// look begins a look at the kernel if it needs one. It takes long if there are many
// services, and may not keep amendments back meanwhile.
func (m *Manager) look(d demand) {
	k := m.prepare(d)
	if k == nil {
		return
	}
	m.looking = true
	amendments := m.amendments
	go func() {
		have, err := k.survey()
		m.looks <- look{have, err, amendments}
	}()
}

// digest ends the look.
func (m *Manager) digest(l look) {
	m.op.Lock()
	defer m.op.Unlock()
	m.looking = false
	d := *m.demanded()
	m.amend(d)
	m.finish(d, l)
}
