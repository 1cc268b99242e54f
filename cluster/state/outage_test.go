package state

import (
	"encoding/json"
	"testing"
	"time"
)

// A claim is read by versions that do not know of outages, and theirs by this one.
func TestOutageIsExtra(t *testing.T) {
	claim := Claim{Time: time.Unix(1, 0).UTC(), Term: 3, Node: "lb1", Outage: Outage{For: 90 * time.Millisecond, Known: AtMost}}
	entry, err := Encode(Command{Claim: &claim})
	if err != nil {
		t.Fatal(err)
	}
	var older struct {
		Claim struct {
			Time time.Time `json:"time"`
			Term uint64    `json:"term"`
			Node string    `json:"node"`
		} `json:"claim"`
	}
	if err := json.Unmarshal(entry, &older); err != nil || older.Claim.Term != 3 || older.Claim.Node != "lb1" || !older.Claim.Time.Equal(claim.Time) {
		t.Errorf("an older version reads %+v, %v of %s", older, err, entry)
	}
	var s State
	if err := s.Apply(1, []byte(`{"claim":{"time":"1970-01-01T00:00:01Z","term":2,"node":"lb2"}}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(2, entry); err != nil {
		t.Fatal(err)
	}
	if s.History[0].Outage != (Outage{}) || s.History[1].Outage != claim.Outage {
		t.Errorf("%+v", s.History)
	}
	snapshot, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var again State
	if err := again.Decode(snapshot); err != nil || again.History[1] != s.History[1] {
		t.Errorf("%+v, %v", again.History, err)
	}
}

// What no version of perch would say, or only a later one, is not known.
func TestOutageThatMakesNoSense(t *testing.T) {
	for entry, want := range map[string]Outage{
		`{"outage_ns":7,"outage_known":"about"}`:                     {7, About},
		`{"outage_ns":7,"outage_known":"measured"}`:                  {},
		`{"outage_ns":7}`:                                            {},
		`{"outage_ns":-7,"outage_known":"about"}`:                    {},
		`{"outage_ns":9223372036854775807,"outage_known":"at_most"}`: {},
		`{"outage_known":"at_most"}`:                                 {0, AtMost},
	} {
		var o Outage
		if err := json.Unmarshal([]byte(entry), &o); err != nil {
			t.Fatal(err)
		}
		if got := o.checked(); got != want {
			t.Errorf("%s: %+v, want %+v", entry, got, want)
		}
	}
}
