package lab

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"
)

// Request is what came of one request of a Requester.
type Request struct {
	Sent    time.Time      // when its connection was opened
	From    netip.AddrPort // the client's end of that
	Took    time.Duration  // until the end of the answer, or of the wait for it
	Status  int            // 0 without an answer
	By      string         // the host that answered; "" without an answer
	Failure string         // why there is no answer; "" with one
}

// Good reports whether it was answered as it should be.
func (r Request) Good() bool { return r.Status == 200 }

func (r Request) ended() time.Time { return r.Sent.Add(r.Took) }

// why says what was wrong with a request that was not answered well.
func (r Request) why() string {
	if r.Failure != "" {
		return r.Failure
	}
	return fmt.Sprintf("status %d", r.Status)
}

// Requests are those of a client, in any order.
type Requests []Request

// Outage returns the longest time within [from, until] without a good answer. One that
// had begun before counts whole.
func (rs Requests) Outage(from, until time.Time) time.Duration {
	var answers []time.Duration
	for _, r := range rs.good() {
		answers = append(answers, r.ended().Sub(from))
	}
	return longestGap(answers, 0, until.Sub(from))
}

// good returns those that were answered well, by the time of the answer.
func (rs Requests) good() Requests {
	good := slices.DeleteFunc(slices.Clone(rs), func(r Request) bool { return !r.Good() })
	sort.SliceStable(good, func(i, j int) bool { return good[i].ended().Before(good[j].ended()) })
	return good
}

// Stint is a time in which one host alone gave good answers.
type Stint struct {
	Host        string
	First, Last time.Time // answers
	Answers     int
}

// Stints returns who answered one after the other.
func (rs Requests) Stints() []Stint {
	var stints []Stint
	for _, r := range rs.good() {
		n := len(stints)
		if n == 0 || stints[n-1].Host != r.By {
			stints = append(stints, Stint{Host: r.By, First: r.ended()})
			n++
		}
		stints[n-1].Last = r.ended()
		stints[n-1].Answers++
	}
	return stints
}

// Failures counts those that were not answered well, by what was wrong.
func (rs Requests) Failures() map[string]int {
	failures := map[string]int{}
	for _, r := range rs {
		if !r.Good() {
			failures[r.why()]++
		}
	}
	return failures
}

// String says who answered how often, and what went wrong.
func (rs Requests) String() string {
	parts := []string{fmt.Sprintf("%d requests", len(rs))}
	for _, s := range rs.Stints() {
		parts = append(parts, fmt.Sprintf("%d answered by %s", s.Answers, s.Host))
	}
	failures := rs.Failures()
	for _, why := range slices.Sorted(maps.Keys(failures)) {
		parts = append(parts, fmt.Sprintf("%d times %s", failures[why], why))
	}
	return strings.Join(parts, ", ")
}
