package vip

import "time"

const (
	limitBurst  = 5
	limitPeriod = 10 * time.Second
)

// limiter lets a few log lines through and counts those it holds back. It is pure.
type limiter struct {
	start      time.Time
	passed     int
	suppressed int
}

// Allow reports whether a line may be written at now, and how many were held
// back since the last one.
func (l *limiter) Allow(now time.Time) (suppressed int, ok bool) {
	if now.Sub(l.start) >= limitPeriod {
		l.start, l.passed = now, 0
	}
	if l.passed >= limitBurst {
		l.suppressed++
		return 0, false
	}
	l.passed++
	suppressed, l.suppressed = l.suppressed, 0
	return suppressed, true
}
