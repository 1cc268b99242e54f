package printable

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestJSON(t *testing.T) {
	for said, want := range map[string]string{
		"plain":             `"plain"`,
		"Zürich → 日本":       `"Zürich → 日本"`,
		"a\x1b]0;b\x07\r\n": `"a\u001b]0;b\u0007\r\n"`,
		"\u009b31m\x7f":     `"\u009b31m\u007f"`,
		"\u202eabc\u00ad":   `"\u202eabc\u00ad"`,
		"\U000e0041":        `"\udb40\udc41"`,
	} {
		text, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		got := JSON(text)
		if string(got) != want {
			t.Errorf("%q: %s, want %s", said, got, want)
		}
		var read string
		if err := json.Unmarshal(got, &read); err != nil || read != said {
			t.Errorf("%q is read as %q, %v", said, read, err)
		}
	}
}

// Who writes hears of its own bytes, and not of those that they have become.
func TestWriter(t *testing.T) {
	var out bytes.Buffer
	text := []byte("\"\u009b\"\n")
	if n, err := (Writer{&out}).Write(text); n != len(text) || err != nil || out.String() != `"\u009b"`+"\n" {
		t.Errorf("%d, %v: %q", n, err, out.String())
	}
}
