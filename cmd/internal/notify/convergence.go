package notify

import (
	"strconv"
	"strings"
	"time"
)

// Pauses between the runs of a hook that fails.
const (
	firstAgain   = time.Second
	longestAgain = time.Minute
)

// Goal is what a hook is to bring about in the world outside.
type Goal struct {
	State Kind // Owner or Standby; "" while neither is certain: then nothing is run
	// Term is that of the ownership. For Standby it is the last in which this node was the
	// owner, 0 if it was none since the daemon began. It is always 0 where there are no terms.
	Term  uint64
	Terms bool   // there are terms
	VIPs  string // addresses with their prefix lengths, between spaces
}

// arguments are those of the hook behind its own.
func (g Goal) arguments() []string {
	if !g.Terms {
		return []string{string(g.State)}
	}
	return []string{string(g.State), strconv.FormatUint(g.Term, 10)}
}

// longestVIPs bounds the list that a hook gets: with a longer one the kernel starts no program
// (execve(2), MAX_ARG_STRLEN).
const longestVIPs = 100 << 10

// variables are in the environment of the hook, of which Node and about are.
func (g Goal) variables(node string, about Subject) []string {
	list := []string{
		"PERCH_EVENT=converge",
		"PERCH_NODE=" + node,
		"PERCH_ABOUT=" + string(about.About),
		"PERCH_NAME=" + about.Name,
		"PERCH_STATE=" + string(g.State),
	}
	if len(g.VIPs) <= longestVIPs {
		list = append(list, "PERCH_VIPS="+g.VIPs)
	}
	if g.Terms {
		list = append(list, "PERCH_TERM="+strconv.FormatUint(g.Term, 10))
	}
	return list
}

// String is for the log.
func (g Goal) String() string {
	return strings.Join(g.arguments(), " ")
}

// action is what is to be done about a hook now.
type action int

const (
	pass  action = iota // nothing, for a time
	begin               // run it
	stop                // end its run, which is for another goal
)

// course is how far a hook has come. It is pure: time comes in.
type course struct {
	every time.Duration // 0 for never

	goal      Goal
	number    int       // of the goal, since what comes back is another one
	since     time.Time // when it has become this one, and then when it has converged or fallen behind again
	converged bool      // the last run for it went well
	running   bool
	runs      int       // the number of the goal that is run for
	next      time.Time // of the run; the zero value is never
	failures  int       // one after the other
	err       string    // of the last
}

// follow takes another goal.
func (c *course) follow(now time.Time, g Goal) {
	if g == c.goal && c.number > 0 {
		return
	}
	c.goal, c.since, c.converged, c.next = g, now, false, now
	c.failures, c.err = 0, ""
	c.number++
}

// decide returns what is to be done, and when to ask again at the latest: 0 for only when
// something happens.
func (c *course) decide(now time.Time) (action, time.Duration) {
	switch {
	case c.running && c.runs != c.number:
		return stop, 0
	case c.running || c.goal.State == "" || c.next.IsZero():
		return pass, 0
	case now.Before(c.next):
		return pass, c.next.Sub(now)
	}
	return begin, 0
}

func (c *course) begun() { c.running, c.runs = true, c.number }

// ended takes how a run has ended. That of one for another goal says nothing.
func (c *course) ended(now time.Time, err error) {
	c.running = false
	switch {
	case c.runs != c.number:
	case err == errStale: // the goal was another one for a moment
		c.converged, c.next = false, now
	case err != nil:
		if c.converged {
			c.since = now
		}
		c.converged, c.err = false, err.Error()
		c.next = now.Add(againAfter(c.failures))
		c.failures++
	default:
		if !c.converged {
			c.since = now
		}
		c.converged, c.failures, c.err, c.next = true, 0, "", time.Time{}
		if c.every > 0 {
			c.next = now.Add(c.every)
		}
	}
}

// hurry is for the end of perch: what fails has no other time.
func (c *course) hurry(now time.Time) {
	c.every = 0
	if c.converged {
		c.next = time.Time{}
	} else {
		c.next = now
	}
}

// againAfter returns the pause after a failure, before which there were so many.
func againAfter(failures int) time.Duration {
	pause := firstAgain
	for range failures {
		pause = min(2*pause, longestAgain)
	}
	return pause
}

// What a hook has come to.
const (
	Waiting   = "waiting"   // neither owner nor standby is certain
	Running   = "running"   // for the first time for its goal
	Failing   = "failing"   // it is run again and again
	Converged = "converged" // it has succeeded
)

func (c *course) state() string {
	switch {
	case c.goal.State == "":
		return Waiting
	case c.converged:
		return Converged
	case c.failures > 0:
		return Failing
	}
	return Running
}
