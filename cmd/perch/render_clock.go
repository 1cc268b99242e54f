package main

import (
	"fmt"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/clock"
)

// drawClock draws from where this node takes the time; nothing if it takes it from nobody.
func drawClock(s api.Status, v view) []string {
	if s.Clock == nil {
		return nil
	}
	return []string{drawLine(v, clockCells(s, v.now)...)}
}

func clockCells(s api.Status, now time.Time) []cell {
	c := s.Clock
	cells := []cell{{"clock", heading}}
	switch {
	case c.Follows != "":
		cells = append(cells, word("follows "+c.Follows))
	case s.Cluster != nil && s.Cluster.Leader == s.Node:
		cells = append(cells, word("followed by the other nodes"))
	default:
		cells = append(cells, cell{"no leader to follow", doubtful})
	}
	if c.Error != "" {
		cells = append(cells, cell{"chronyd is not told", bad})
	}
	if c.Measured != nil {
		cells = append(cells, offsetCell(c), word("asked "+age(c.Measured.At, now)+" ago"))
	}
	return cells
}

// offsetCell is how far the clock is off.
func offsetCell(c *api.Clock) cell {
	m := c.Measured
	if m.Error != "" {
		return cell{m.Error, bad}
	}
	r := clock.Reading{Offset: m.Offset, RoundTrip: m.RoundTrip}
	shown := cell{fmt.Sprintf("%s it, give or take %v", r, clock.Round(m.RoundTrip/2)), good}
	if r.Off() > c.MaxOffset {
		shown.style = bad
	}
	return shown
}
