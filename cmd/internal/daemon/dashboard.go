package daemon

import (
	"os"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/events"
	dashboard "github.com/perch-vip/perch/cmd/internal/web/board"
)

// board returns what the dashboard shows: it is called while somebody looks, at most once
// a second, and does not wait for a peer that does not answer.
func (d *daemon) board() dashboard.View {
	v := dashboard.View{Now: time.Now(), Events: eventsShown(d.events.After(d.events.Latest(dashboard.MaxEvents)))}
	if d.member == nil {
		v.Status = d.snapshotOfAll().status(nil)
		return v
	}
	letters := d.correspondence.ask(d.others())
	s := d.snapshotOfAll()
	v.Status = s.status(answersOf(letters))
	for _, m := range s.memory.History {
		v.Moves = append(v.Moves, moveOf(m))
	}
	for _, n := range v.Status.Cluster.Nodes {
		if l, is := letters[n.Name]; is {
			v.Others = append(v.Others, dashboard.Other{Node: n.Name, Overview: l.overview, Seen: l.seen, Trouble: l.trouble})
		}
	}
	return v
}

// eventsShown are events as the dashboard has them: what a kind has no use for is empty.
func eventsShown(list []events.Event) []dashboard.Event {
	var shown []dashboard.Event
	for i := range list {
		e := &list[i]
		text := e.Reason
		if e.Error != "" {
			text = strings.TrimPrefix(text+": "+e.Error, ": ")
		}
		switch {
		case e.From != "" && e.To != "":
			text = strings.TrimSuffix(e.From+" → "+e.To+", "+text, ", ")
		case e.From != "" || e.To != "":
			text = strings.TrimSuffix(e.From+e.To+", "+text, ", ")
		}
		shown = append(shown, dashboard.Event{Time: e.Time.Time, Kind: string(e.Kind), Subject: e.Subject, Text: text})
	}
	return shown
}

func answersOf(letters map[string]letter) map[string]answer {
	answers := make(map[string]answer, len(letters)+1)
	for name, l := range letters {
		answers[name] = l.answer
	}
	return answers
}

// others returns the names of all other nodes that this one knows.
func (d *daemon) others() []string {
	var names []string
	for _, p := range d.roster() {
		if p.Name != d.name() {
			names = append(names, p.Name)
		}
	}
	return names
}

// names returns the names by which browsers may ask for the dashboard.
func (d *daemon) names() []string {
	names := []string{d.name()}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	if d.member != nil {
		names = append(names, d.others()...)
	}
	return append(names, d.config().Node.ListenNames...)
}
