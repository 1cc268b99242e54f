package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// left is a report of a drained server with so many connections.
func left(protocol string, active, inactive uint32) api.ServerReport {
	return api.ServerReport{
		ServerName: api.ServerName{Service: "web", Server: "a"}, Node: "lb1", Protocol: protocol,
		Found: api.Server{Drained: true, Connections: api.Connections{Active: active, Inactive: inactive}},
	}
}

// answers gives its entries in turn, an error or a report; the last one stays.
func answers(list ...any) func() (api.ServerReport, error) {
	return func() (api.ServerReport, error) {
		first := list[0]
		if len(list) > 1 {
			list = list[1:]
		}
		if err, ok := first.(error); ok {
			return api.ServerReport{}, err
		}
		return first.(api.ServerReport), nil
	}
}

func TestAwaitDrained(t *testing.T) {
	fresh, undrained := left("tcp", 0, 0), left("tcp", 0, 0)
	fresh.Found.Weight = 10
	undrained.Found.Drained = false
	moving := api.NotNow(errors.New("no node leads"))
	tests := map[string]struct {
		ask   func() (api.ServerReport, error)
		want  string // the error, "" = none
		asked time.Duration
		said  string
	}{
		"none":                     {answers(left("tcp", 0, 9)), "", 0, ""},
		"some":                     {answers(left("tcp", 1, 0), left("tcp", 0, 0)), "", drainPause, "perch: a of web has 1 connection on lb1\n"},
		"those of UDP":             {answers(left("udp", 0, 2), left("udp", 0, 0)), "", drainPause, "perch: a of web has 2 connections on lb1\n"},
		"with a mark":              {answers(left("", 1, 2), left("", 0, 0)), "", drainPause, "perch: a of web has 3 connections on lb1\n"},
		"not drained yet":          {answers(undrained, undrained, left("tcp", 0, 0)), "", 2 * drainPause, "perch: a of web is not drained yet on lb1\n"},
		"the kernel is behind":     {answers(fresh, left("tcp", 0, 0)), "", drainPause, "perch: a of web is not drained yet on lb1\n"},
		"undrained meanwhile":      {answers(left("tcp", 1, 0), undrained), errUndrained.Error(), drainPause, "perch: a of web has 1 connection on lb1\n"},
		"the owner changes":        {answers(left("tcp", 1, 0), moving, moving, left("tcp", 0, 0)), "", 3 * drainPause, "perch: a of web has 1 connection on lb1\n"},
		"nobody leads":             {answers(moving, left("tcp", 0, 0)), "", drainPause, "perch: no node leads\n"},
		"a server that is no more": {answers(left("tcp", 1, 0), errors.New("no such server")), "no such server", drainPause, "perch: a of web has 1 connection on lb1\n"},
		"time is over":             {answers(left("tcp", 1, 0)), context.DeadlineExceeded.Error(), time.Minute, "perch: a of web has 1 connection on lb1\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var said strings.Builder
				begin := time.Now()
				_, err := awaitDrained(ctx, &said, tt.ask)
				if got := time.Since(begin); got != tt.asked {
					t.Errorf("it took %s, want %s", got, tt.asked)
				}
				if err == nil && tt.want != "" || err != nil && err.Error() != tt.want {
					t.Errorf("error %v, want %q", err, tt.want)
				}
				if said.String() != tt.said {
					t.Errorf("said %q, want %q", said.String(), tt.said)
				}
			})
		})
	}
}

// A number that changes all the time is not told each time.
func TestAwaitDrainedIsNoFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute-time.Nanosecond)
		defer cancel()
		connections := uint32(1000)
		var said strings.Builder
		last, _ := awaitDrained(ctx, &said, func() (api.ServerReport, error) {
			connections--
			return left("tcp", connections, 0), nil
		})
		if lines := strings.Count(said.String(), "\n"); lines != int(time.Minute/drainTold) {
			t.Errorf("%d lines in a minute:\n%s", lines, said.String())
		}
		// The answer that came after the end does not count.
		if want := whyNotDrained(left("tcp", connections+1, 0)); last != want {
			t.Errorf("last is %q, want %q", last, want)
		}
	})
}
