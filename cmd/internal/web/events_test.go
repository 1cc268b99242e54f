package web

import (
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/events"
)

// Who reads the stream on a terminal, as by curl, sees what was said and suffers nothing.
func TestEventsAreHarmless(t *testing.T) {
	log := events.New("lb1")
	log.Add(events.Event{Kind: events.CheckDown, Subject: "web", Error: "\x1b]0;\u009b2J\u202e"})
	list, err := feedOf(log, events.ID{})(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%d events, %v", len(list), err)
	}
	if got := list[0].data; !strings.Contains(got, `"\u001b]0;\u009b2J\u202e"`) || strings.ContainsAny(got, "\x1b\u009b\u202e") {
		t.Errorf("%q", got)
	}
}
