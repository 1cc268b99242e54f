package bgp

import "time"

// How often it is looked whether what is wanted is still in bgpd's configuration.
const (
	lookSoon  = 2 * time.Second  // while something is announced: somebody may take it out
	lookLate  = 10 * time.Second // while nothing is, or bgpd has much to tell
	lookShare = 500              // of the time, a look takes one part
)

// pause is how long to wait after a look at the configuration, which took a time and is to
// have some networks. bgpd does nothing else while it writes its configuration down.
func pause(took time.Duration, networks int) time.Duration {
	if networks == 0 {
		return lookLate
	}
	return min(max(lookSoon, lookShare*took), lookLate)
}
