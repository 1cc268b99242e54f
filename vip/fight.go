package vip

import "time"

const (
	fightQuick = 5                      // losses after which an address is put back at once
	fightFirst = 100 * time.Millisecond // pause after one more, doubled each time
	fightMax   = time.Second            // longest pause: at least so often it is put back
	fightCalm  = 10 * time.Second       // without a loss, after which all starts anew
)

// fight limits how fast an address is put back that somebody keeps removing. It
// is pure.
type fight struct {
	losses int
	last   time.Time
}

// Lost notes a loss at now and returns when the address may be put back.
func (f *fight) Lost(now time.Time) time.Time {
	if now.Sub(f.last) >= fightCalm {
		f.losses = 0
	}
	f.losses++
	f.last = now
	if f.losses <= fightQuick {
		return now
	}
	doublings := min(f.losses-fightQuick-1, 10)
	return now.Add(min(fightFirst<<doublings, fightMax))
}
