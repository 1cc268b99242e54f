package fence

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// boottime reads CLOCK_BOOTTIME, the clock of the leases.
func boottime() time.Duration {
	var ts unix.Timespec
	// It cannot fail: the clock exists, and ts is ours.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return time.Duration(ts.Nano())
}

// kernelTick is how often the kernel's timers look at the clock (1/HZ).
func kernelTick() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &ts); err != nil {
		return 0, fmt.Errorf("read the resolution of the kernel's clock: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}
