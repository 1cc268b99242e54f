package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// fewChecks is how many checks are shown whole. Of more only those that are not well
// are, which can be found in between then.
const fewChecks = 20

// drawChecks draws the checks of the node; nothing if there are none.
func drawChecks(checks []api.Check, v view) []string {
	if len(checks) == 0 {
		return nil
	}
	shown, healthy := checks, 0
	if len(checks) > fewChecks {
		shown = nil
	}
	for _, c := range checks {
		if wellCheck(c) {
			healthy++
		} else if len(checks) > fewChecks {
			shown = append(shown, c)
		}
	}
	var drawn string
	if len(shown) > 0 {
		drawn = checksTable(shown, v.now).draw(v)
	}
	if len(checks) > fewChecks {
		drawn += wrap(fmt.Sprintf("checks: %d, of which %d are well", len(checks), healthy), v.width) + "\n"
	}
	return []string{drawn}
}

// wellCheck tells whether there is nothing to say about a check.
func wellCheck(c api.Check) bool {
	return c.State == api.CheckHealthy && c.Error == "" && c.Warning == "" && c.Overdue == ""
}

func checksTable(checks []api.Check, now time.Time) table {
	t := table{header: []string{"CHECK", "KIND", "STATE", "SINCE", "TARGET", "NOTE"}}
	for _, c := range checks {
		t.rows = append(t.rows, []cell{
			word(c.Name), word(c.Kind), checkStateCell(c.State), word(age(c.Since, now)), word(c.Target), checkNoteCell(c),
		})
	}
	return t
}

func checkStateCell(state string) cell {
	switch state {
	case api.CheckHealthy:
		return cell{state, good}
	case api.CheckFailed:
		return cell{state, bad}
	}
	return cell{state, doubtful}
}

// checkNoteCell says what a check has found, and why it is not well.
func checkNoteCell(c api.Check) cell {
	note := cell{style: plain}
	var notes []string
	if c.Error != "" {
		notes, note.style = append(notes, c.Error), doubtful
	}
	if c.State == api.CheckFailed {
		note.style = bad
	}
	if c.Value != nil {
		notes = append(notes, fmt.Sprintf("value %d", *c.Value))
	}
	if c.Warning != "" {
		notes, note.style = append(notes, c.Warning), doubtful
	}
	if c.Overdue != "" {
		notes, note.style = append(notes, "overdue for "+c.Overdue+": too many looks are under way"), doubtful
	}
	note.text = strings.Join(notes, ", ")
	return note
}
