package vrrpnet

import (
	"log/slog"

	"golang.org/x/sys/unix"
)

// realTime has this thread go before those without a real-time priority, until it is
// called off: on a busy machine adverts are late by tens of milliseconds otherwise.
func realTime(log *slog.Logger) (callOff func()) {
	before, err := unix.SchedGetAttr(0, 0)
	if err == nil {
		err = unix.SchedSetAttr(0, &unix.SchedAttr{
			Size:     unix.SizeofSchedAttr,
			Policy:   unix.SCHED_RR,
			Flags:    unix.SCHED_FLAG_RESET_ON_FORK,
			Priority: 1,
		}, 0)
	}
	if err != nil {
		log.Info("adverts have no real-time priority, and may be late while the machine is busy", "error", err)
		return func() {}
	}
	return func() { _ = unix.SchedSetAttr(0, before, 0) }
}
