package main

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// screen redraws a terminal with each answer.
type screen struct {
	out  io.Writer
	last api.Status
	seen time.Time // when that came
}

func (d *screen) show(s api.Status) error {
	d.last, d.seen = s, time.Now()
	return d.draw("")
}

func (d *screen) trouble(err error) error {
	return d.draw("perch: " + clean(err.Error()))
}

// draw begins with the time, as the end of the screen may be cut. What is not new any more is
// told as it was then.
func (d *screen) draw(complaint string) error {
	v := viewOf(d.out, d.seen)
	term, _ := terminalSize(d.out)
	v.width = term.columns
	text := d.seen.Format(time.TimeOnly) + "\n" + renderScreen(d.last, v)
	if complaint != "" {
		text = v.paint(wrap(complaint, v.width), bad) + "\n" + v.paint(wrap("not live: this is as of "+d.seen.Format(time.TimeOnly), v.width), bad) + "\n\n" + text
	}
	_, err := io.WriteString(d.out, readable(d.out, frame(text, term.rows)))
	return err
}

// Control sequences of every terminal since the VT100.
const (
	home      = "\x1b[H"
	clearLine = "\x1b[K"
	clearRest = "\x1b[J"
)

// frame is the text as a whole screen of some rows, written over the last one
// so that nothing flickers. What does not fit is left out.
func frame(text string, rows int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if rows > 1 && len(lines) > rows-1 {
		lines = append(lines[:rows-2], "…")
	}
	return home + strings.Join(lines, clearLine+"\n") + clearLine + "\n" + clearRest
}

// withoutCounts returns a status without what changes all the time.
func withoutCounts(s api.Status) api.Status {
	s.Checks = slices.Clone(s.Checks)
	for i := range s.Checks {
		c := &s.Checks[i]
		c.Last, c.Took, c.Looks, c.Failures, c.Overdue = time.Time{}, "", 0, 0, ""
	}
	s.VRRP = slices.Clone(s.VRRP)
	for i := range s.VRRP {
		r := &s.VRRP[i]
		r.Adverts.Sent, r.Adverts.Received, r.Heard = 0, 0, slices.Clone(r.Heard)
		for j := range r.Heard {
			r.Heard[j].Last, r.Heard[j].Accepted = time.Time{}, 0
		}
	}
	s.Unknown = slices.Clone(s.Unknown)
	for i := range s.Unknown {
		s.Unknown[i].Last = time.Time{}
	}
	s.Services = slices.Clone(s.Services)
	for i := range s.Services {
		service := &s.Services[i]
		service.Counters, service.Servers = api.Counters{}, slices.Clone(service.Servers)
		for j := range service.Servers {
			service.Servers[j].Counters, service.Servers[j].Connections = api.Counters{}, api.Connections{}
		}
	}
	return s
}

// journal prints what has changed, one answer after the other.
type journal struct {
	out, errOut io.Writer
	output      format

	shown     bool
	last      api.Status
	complaint string
}

func (d *journal) show(s api.Status) error {
	d.complaint = ""
	steady := withoutCounts(s)
	if d.shown && reflect.DeepEqual(steady, d.last) {
		return nil
	}
	d.shown, d.last = true, steady
	if d.output == formatJSON {
		return printJSON(d.out, s, "")
	}
	now := time.Now()
	_, err := io.WriteString(d.out, "--- "+now.Format(time.RFC3339)+"\n"+renderStatus(s, viewOf(d.out, now)))
	return err
}

func (d *journal) trouble(err error) error {
	if d.complaint != err.Error() {
		d.complaint = err.Error()
		complain(d.errOut, d.complaint)
	}
	return nil
}
