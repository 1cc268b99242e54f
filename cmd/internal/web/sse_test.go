package web

import (
	"strings"
	"testing"
	"time"
)

func TestMessage(t *testing.T) {
	for want, m := range map[string]message{
		"data: a\n\n":                         {data: "a"},
		"id: r-1\nevent: move\ndata: {}\n\n":  {id: "r-1", name: "move", data: "{}"},
		"data: a\ndata: b\ndata: \n\n":        {data: "a\nb\n"},
		"data: a\ndata: b\ndata: c\n\n":       {data: "a\r\nb\rc"},
		"data: a\ndata: \ndata: event: b\n\n": {data: "a\r\revent: b"},
		"data: mind\n\n":                      {id: "a\ndata: evil", name: "b\rdata: evil", data: "mind"},
		"event: x\ndata:  \n\n":               {id: "a\x00", name: "x", data: " "},
		"data: \n\n":                          {},
	} {
		if got := string(appendMessage(nil, m)); got != want {
			t.Errorf("%q is %q, want %q", m, got, want)
		}
	}
	if got := string(appendRetry(nil, 2*time.Second)); got != "retry: 2000\n\n" {
		t.Errorf("%q", got)
	}
}

// However odd a text is, a client reads it as it was, lines' ends aside, and nothing else.
func FuzzMessage(f *testing.F) {
	f.Add("r-1", "moved", "a\r\n\r\rb\n")
	f.Add("\x00", "\n", "\n")
	f.Fuzz(func(t *testing.T, id, name, data string) {
		text, ended := strings.CutSuffix(string(appendMessage(nil, message{id, name, data})), "\n\n")
		if !ended || strings.Contains(text, "\n\n") || strings.Contains(text, "\r") {
			t.Fatalf("%q is not one message", text)
		}
		var read []string
		for line := range strings.SplitSeq(text, "\n") {
			field, value, _ := strings.Cut(line, ": ")
			switch {
			case field == "data":
				read = append(read, value)
			case field == "id" && value == id, field == "event" && value == name:
			default:
				t.Errorf("%q is nobody's", line)
			}
		}
		want := strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n")
		if got := strings.Join(read, "\n"); got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	})
}
