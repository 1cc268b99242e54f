package keepalived

import (
	"fmt"
	"math"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// The limits of perch, which are narrower than keepalived's.
const (
	leastInterval = 10 * time.Millisecond
	mostInterval  = time.Hour
	mostTimeout   = 10 * time.Minute
	mostRetries   = 999
	mostWeight    = 65535
)

// readRealServer reads a real_server IP [PORT].
func readRealServer(im *importer, s *syntax.Statement, v *virtualServer) {
	r := &realServer{by: s}
	readBlock(im, "a real_server", im.block(s), im.serverWords().real, r)
	var ok bool
	if r.address, ok = im.addressPort(s, s.Args()); ok {
		v.servers = append(v.servers, r)
	}
}

func realServerWords() vocabulary[*realServer] {
	type r = *realServer
	w := joined(
		scheduleWords(func(r r) *schedule { return &r.schedule }),
		vocabulary[r]{
			"weight":             keepUpTo(0, mostWeight, func(r r) *said[int] { return &r.weight }),
			"lvs_method":         keepMethod(func(r r) *said[method] { return &r.method }),
			"uthreshold":         keepNumber(0, math.MaxInt32, func(r r) *said[int] { return &r.upper }),
			"lthreshold":         keepNumber(0, math.MaxInt32, func(r r) *said[int] { return &r.lower }),
			"inhibit_on_failure": keepSwitch(func(r r) *said[bool] { return &r.inhibit }),
			"virtualhost":        keepText(func(r r) *said[string] { return &r.virtualHost }),
			"notify_up":          keepProgram(func(r r) *said[program] { return &r.notifyUp }),
			"notify_down":        keepProgram(func(r r) *said[program] { return &r.notifyDown }),
			"snmp_name":          lost[r]("calls the server so in SNMP", "perch calls servers by their addresses"),
			"smtp_alert":         keepFlag(func(r r) *said[bool] { return &r.alert }),
		},
	)
	for kind := range checkerWords() {
		w[kind] = opens(readChecker)
	}
	w["BFD_CHECK"] = lost[r]("takes the server out when its BFD session is down, and without it the server is well",
		"a check of kind tcp with an interval of some ten milliseconds notices a dead server nearly as soon, and also one that is there and does not serve")
	return w
}

// scheduleWords are the words for when to look.
func scheduleWords[T any](of func(T) *schedule) vocabulary[T] {
	return vocabulary[T]{
		"delay_loop":         keepFitting(leastInterval, mostInterval, func(t T) *said[time.Duration] { return &of(t).delayLoop }),
		"delay_before_retry": keepTimer(0, longest, func(t T) *said[time.Duration] { return &of(t).beforeRetry }),
		"connect_timeout":    keepFitting(time.Millisecond, mostTimeout, func(t T) *said[time.Duration] { return &of(t).connectTimeout }),
		"warmup":             keepTimer(0, longest, func(t T) *said[time.Duration] { return &of(t).warmup }),
		"retry":              keepRetries(1, func(t T) *said[int] { return &of(t).retry }),
		"alpha":              keepSwitch(func(t T) *said[bool] { return &of(t).alpha }),
	}
}

// keepFitting is a keyword with seconds of which perch takes only some.
func keepFitting[T any](least, most time.Duration, at func(T) *said[time.Duration]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		d, ok := im.timer(s, time.Microsecond, longest)
		if !ok {
			return
		}
		if fits := min(max(d, least), most); fits != d {
			im.remark(s, fmt.Sprintf("becomes %v, since perch takes %v to %v s", fits.Seconds(), least.Seconds(), most.Seconds()))
			d = fits
		}
		keep(im, at(into), d, s)
	})
}

// keepRetries is a keyword with a number of further looks.
func keepRetries[T any](least int, at func(T) *said[int]) word[T] {
	return keepUpTo(least, mostRetries, at)
}

// keepUpTo is a keyword with a number of which perch takes only so many.
func keepUpTo[T any](least, most int, at func(T) *said[int]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		n, ok := im.number(s, least, math.MaxInt32)
		if !ok {
			return
		}
		if n > most {
			im.remark(s, fmt.Sprintf("becomes %d, the most that perch takes", most))
		}
		keep(im, at(into), min(n, most), s)
	})
}
