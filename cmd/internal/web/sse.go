package web

import (
	"strconv"
	"strings"
	"time"
)

// message is one event of a stream, as browsers have it (WHATWG HTML, "server-sent
// events").
type message struct {
	id   string // what a client asks to go on behind; "" leaves its last one
	name string // "" for the name "message"
	data string // any text, also of several lines, never empty: a client drops such
}

// heartbeat is a comment, which clients overlook.
const heartbeat = ":\n\n"

// appendMessage appends a message. An id or a name of several lines would be fields of
// their own: such is left out, as is an id with a NUL, which clients ignore.
func appendMessage(b []byte, m message) []byte {
	if m.id != "" && !strings.ContainsAny(m.id, "\r\n\x00") {
		b = appendField(b, "id", m.id)
	}
	if m.name != "" && !strings.ContainsAny(m.name, "\r\n") {
		b = appendField(b, "event", m.name)
	}
	for rest, more := m.data, true; more; {
		var line string
		line, rest, more = cutLine(rest)
		b = appendField(b, "data", line)
	}
	return append(b, '\n')
}

// cutLine cuts behind the first line, which may end as a client has it: by CR, LF or both.
func cutLine(text string) (line, rest string, more bool) {
	i := strings.IndexAny(text, "\r\n")
	if i < 0 {
		return text, "", false
	}
	if rest, both := strings.CutPrefix(text[i:], "\r\n"); both {
		return text[:i], rest, true
	}
	return text[:i], text[i+1:], true
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), '\n')
}

// appendRetry appends after how long a client whose stream broke comes again.
func appendRetry(b []byte, after time.Duration) []byte {
	return append(appendField(b, "retry", strconv.FormatInt(after.Milliseconds(), 10)), '\n')
}
