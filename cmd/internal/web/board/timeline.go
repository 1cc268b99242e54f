package board

import (
	"strconv"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// moves writes the changes of ownership, the last one first.
func (w *writer) moves(v *View) {
	if len(v.Moves) == 0 {
		return
	}
	w.heading("Changes of ownership").raw(`<ol class="line">`)
	for i := range min(len(v.Moves), maxMoves) {
		m := &v.Moves[len(v.Moves)-1-i]
		w.raw("<li>").time(m.Time).raw(" <b>").text(orDash(m.From)).raw(` <span class="sr">to</span><span aria-hidden="true">→</span> `).text(m.To)
		w.raw("</b> <span>").text(m.Reason).raw("</span> <small>")
		w.outage(m).raw("term ").text(strconv.FormatUint(m.Term, 10)).raw("</small></li>")
	}
	w.raw("</ol>")
	if more := len(v.Moves) - maxMoves; more > 0 {
		w.raw(`<p class="rest">and `).int(more).raw(" before; <code>perch history</code> has all</p>")
	}
}

// outage writes for how long nobody held the VIPs before a move, as far as that is known.
func (w *writer) outage(m *api.Move) *writer {
	switch m.OutageKnown {
	case api.OutageAtMost:
		w.raw("<b>down for at most ")
	case api.OutageAbout:
		w.raw("<b>down for about ")
	default:
		return w
	}
	round := time.Millisecond
	if m.Outage < 10*time.Millisecond {
		round = 100 * time.Microsecond
	}
	return w.text(m.Outage.Round(round).String()).raw("</b>, ")
}

// events writes the last events, the last one first.
func (w *writer) events(v *View) {
	if len(v.Events) == 0 {
		return
	}
	w.heading("Events of this node").raw(`<ol class="line">`)
	for i := range min(len(v.Events), MaxEvents) {
		e := &v.Events[len(v.Events)-1-i]
		w.raw("<li>").time(e.Time).raw(" <b>").text(e.Subject).raw("</b> <span>").text(e.Text).raw("</span> <small>").text(e.Kind).raw("</small></li>")
	}
	w.raw("</ol>")
}
