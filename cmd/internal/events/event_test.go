package events

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestJSON(t *testing.T) {
	at := Time{time.Date(2026, 1, 2, 3, 4, 5, 60_999_999, time.FixedZone("", 3600))}
	for want, e := range map[string]Event{
		`{"id":"a1-7","number":7,"time":"2026-01-02T02:04:05.060Z","kind":"leader_lost","node":"lb1"}`: {
			ID: ID{"a1", 7}, Number: 7, Time: at, Kind: LeaderLost, Node: "lb1",
		},
		`{"id":"a1-8","number":8,"time":"2026-01-02T02:04:05.060Z","kind":"ownership_moved","node":"lb1","subject":"edge",` +
			`"from":"lb1","to":"lb2","term":3,"reason":"r","error":"e"}`: {
			ID: ID{"a1", 8}, Number: 8, Time: at, Kind: OwnershipMoved, Node: "lb1", Subject: "edge",
			From: "lb1", To: "lb2", Term: 3, Reason: "r", Error: "e",
		},
	} {
		text, err := json.Marshal(e)
		if string(text) != want || err != nil {
			t.Errorf("%s, %v, want\n%s", text, err, want)
		}
		var back Event
		if err := json.Unmarshal(text, &back); err != nil || back.ID != e.ID || !back.Time.Equal(e.Time.Truncate(time.Millisecond)) {
			t.Errorf("%s is read as %+v, %v", text, back, err)
		}
	}
}

func TestParseID(t *testing.T) {
	for text, want := range map[string]ID{
		"0": {}, "7": {"", 7}, "0a1f-12": {"0a1f", 12}, "a-18446744073709551615": {"a", 1<<64 - 1},
	} {
		if got, err := ParseID(text); got != want || err != nil {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
		if got := want.String(); got != text {
			t.Errorf("%v is %q, want %q", want, got, text)
		}
	}
	for _, text := range []string{
		"", "-", "-1", "1-", "x-1", "A-1", "1-1-1", "1.5", "+1", " 1", "18446744073709551616", "a\n-1", strings.Repeat("a", 33) + "-1",
	} {
		if id, err := ParseID(text); err == nil {
			t.Errorf("%q is read as %v", text, id)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("0a1f-12")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err != nil {
			return
		}
		if again, err := ParseID(id.String()); again != id || err != nil {
			t.Errorf("%q is %v, which is read as %v, %v", text, id, again, err)
		}
	})
}

func TestClip(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""}, {"12345678", "12345678"}, {"123456789", "12345…"}, {"1234éé9", "1234…"}, {"ééééé", "éé…"},
	} {
		got := clip(tt.text, 8)
		if got != tt.want || len(got) > 8 || !utf8.ValidString(got) {
			t.Errorf("%q is clipped to %q, want %q", tt.text, got, tt.want)
		}
	}
	long := strings.Repeat("x", 5000)
	e := clipped(Event{Subject: long, From: long, To: long, Reason: long, Error: long})
	if got := []int{len(e.Subject), len(e.From), len(e.To), len(e.Reason), len(e.Error)}; max(got[0], got[1], got[2]) > maxName || max(got[3], got[4]) > maxText {
		t.Errorf("%d bytes", got)
	}
}

// The list has each kind that there is once.
func TestKinds(t *testing.T) {
	seen := map[Kind]bool{}
	for _, k := range Kinds() {
		if seen[k] || strings.Trim(string(k), "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("%q is twice in the list, or not snake_case", k)
		}
		seen[k] = true
	}
	for name, k := range declared(t) {
		if !seen[k] {
			t.Errorf("%s is not in the list", name)
		}
		delete(seen, k)
	}
	if len(seen) > 0 {
		t.Errorf("no constants: %v", seen)
	}
}
