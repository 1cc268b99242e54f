package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// JSON on a terminal says what it says, and has no effect on it.
func TestJSONIsHarmless(t *testing.T) {
	for said, want := range map[string]string{
		"plain":             `"plain"`,
		"Zürich → 日本":       `"Zürich → 日本"`,
		"a\x1b]0;b\x07\r\n": `"a\u001b]0;b\u0007\r\n"`,
		"\u009b31m\x7f":     `"\u009b31m\u007f"`,
		"\u202eabc\u00ad":   `"\u202eabc\u00ad"`,
		"\U000e0041":        `"\udb40\udc41"`,
		"<b>&\u2028":        `"<b>&\u2028"`,
	} {
		var out bytes.Buffer
		if err := printJSON(&out, said, ""); err != nil || out.String() != want+"\n" {
			t.Errorf("%q: %s, %v, want %s", said, out.String(), err, want)
		}
		var read string
		if err := json.Unmarshal(out.Bytes(), &read); err != nil || read != said {
			t.Errorf("%q is read as %q, %v", said, read, err)
		}
	}
}

func TestEventsAsJSONAreHarmless(t *testing.T) {
	var out bytes.Buffer
	r := eventReader{out: &out, output: formatJSON}
	if err := r.show(api.RawEvent{Line: []byte("{\"reason\":\"\u009b2J\u202e\"}")}); err != nil || out.String() != `{"reason":"\u009b2J\u202e"}`+"\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
