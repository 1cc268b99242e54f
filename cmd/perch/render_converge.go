package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// fewHooks is how many converge hooks are shown whole. Of more only those that have not
// converged are.
const fewHooks = 20

// drawHooks draws the converge hooks of the node; nothing if there are none.
func drawHooks(hooks []api.Convergence, v view) []string {
	if len(hooks) == 0 {
		return nil
	}
	shown, converged := hooks, 0
	if len(hooks) > fewHooks {
		shown = nil
	}
	for _, h := range hooks {
		if h.State == api.Converged {
			converged++
		} else if len(hooks) > fewHooks {
			shown = append(shown, h)
		}
	}
	var drawn string
	if len(shown) > 0 {
		drawn = hooksTable(shown, v.now).draw(v)
	}
	if len(hooks) > fewHooks {
		drawn += wrap(fmt.Sprintf("converge hooks: %d, of which %d have converged", len(hooks), converged), v.width) + "\n"
	}
	return []string{drawn}
}

func hooksTable(hooks []api.Convergence, now time.Time) table {
	t := table{header: []string{"HOOK", "FOR", "GOAL", "STATE", "SINCE", "NOTE"}}
	for _, h := range hooks {
		t.rows = append(t.rows, []cell{
			word(h.Hook), word(h.About + " " + h.Name), word(goalText(h)), hookStateCell(h.State), word(age(h.Since, now)), {h.Error, doubtful},
		})
	}
	return t
}

func goalText(h api.Convergence) string {
	if h.Term == 0 {
		return h.Goal
	}
	return h.Goal + ", term " + strconv.FormatUint(h.Term, 10)
}

func hookStateCell(state string) cell {
	switch state {
	case api.Converged:
		return cell{state, good}
	case api.ConvergeFailing:
		return cell{state, bad}
	}
	return cell{state, doubtful}
}
