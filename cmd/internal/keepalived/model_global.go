package keepalived

import (
	"net/netip"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// globals are what global_defs says, mostly for instances that do not say it themselves.
type globals struct {
	blocks []*syntax.Statement

	namespace        said[string]
	routerID         said[string]
	defaultInterface said[string] // of static addresses
	version          said[int]

	vmacPrefix said[string] // of devices without a name

	group4, group6 said[netip.Addr]
	announcement   announcement
	garpInterval   said[time.Duration]
	naInterval     said[time.Duration]
	minimalGARP    said[bool]

	lowerPriorityNoAdvert, higherPrioritySendAdvert said[bool]

	strict             said[bool]
	checksumAsVersion2 said[bool]
	startupDelay       said[time.Duration]
	logUnknown         said[bool]
	scriptUser         said[string]

	fifos fifos
	mail  mailing

	startup, shutdown endProgram
}

// linkDelay is for how long an interface must be down, or up, before that counts.
type linkDelay struct {
	by       *syntax.Statement
	down, up time.Duration
}

// pacing is how much time is left between announcements on an interface.
type pacing struct {
	garp, na said[time.Duration]
}
