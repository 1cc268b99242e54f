package config

import "time"

// The limits of interval and max_offset. An offset that is less than the way to the leader
// takes cannot be told from none.
const (
	minClockInterval = time.Second
	maxClockInterval = time.Hour
	minMaxOffset     = time.Millisecond
	maxMaxOffset     = time.Hour
)

func defaultClock() Clock {
	return Clock{
		SourcesDir: "/etc/chrony/sources.d",
		Socket:     "/run/chrony/chronyd.sock",
		Chronyc:    "/usr/bin/chronyc",
		Interval:   30 * time.Second,
		MaxOffset:  100 * time.Millisecond,
	}
}

func clockKeys(c *Clock) []key {
	return []key{
		optional("sources_dir", text(&c.SourcesDir, pathRule, parsePath)),
		optional("socket", text(&c.Socket, socketRule, parseSocket)),
		optional("chronyc", text(&c.Chronyc, pathRule, parsePath)),
		optional("interval", duration(&c.Interval, minClockInterval, maxClockInterval)),
		optional("max_offset", duration(&c.MaxOffset, minMaxOffset, maxMaxOffset)),
	}
}
