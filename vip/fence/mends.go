package fence

import (
	"log/slog"
	"sync"
	"time"
)

// Mended tells how often others got in the way of the fence and it was put right, and
// of the last time.
type Mended struct {
	Count     uint64
	Last      time.Time
	Interface string // "" where it was no one interface
	Found     string // what was wrong, such as "its qdisc deleted"
}

// So many mends are logged in a period: others may be at it without a pause.
const (
	mendLines  = 5
	mendPeriod = 10 * time.Second
)

// mends keeps count of what a mechanism has put right.
type mends struct {
	mu    sync.Mutex
	last  Mended
	since time.Time // the period's start
	lines int       // in the period
}

// Mended implements mechanism.
func (m *mends) Mended() Mended {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// note counts a mend and logs it.
func (m *mends) note(log *slog.Logger, device, found string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.last = Mended{m.last.Count + 1, now, device, found}
	if now.Sub(m.since) >= mendPeriod {
		m.since, m.lines = now, 0
	}
	if m.lines++; m.lines <= mendLines {
		log.Warn("the fence was mended", "found", found, "interface", device, "times", m.last.Count)
	}
}
