package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Event is one thing that has happened. What does not apply is absent.
type Event struct {
	ID     ID     `json:"id"`
	Number uint64 `json:"number"` // as in ID
	Time   Time   `json:"time"`
	Kind   Kind   `json:"kind"`
	Node   string `json:"node"` // which recorded it
	// Subject is what it happened to, such as a VIP, a check or a node.
	Subject string `json:"subject,omitempty"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	Term    uint64 `json:"term,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Error   string `json:"error,omitempty"`
}

// Limits of an event's texts, in bytes.
const (
	maxName = 256  // also of From and To
	maxText = 1024 // of Reason and Error
)

// clipped returns an event of bounded size.
func clipped(e Event) Event {
	e.Subject, e.From, e.To = clip(e.Subject, maxName), clip(e.From, maxName), clip(e.To, maxName)
	e.Reason, e.Error = clip(e.Reason, maxText), clip(e.Error, maxText)
	return e
}

// clip cuts off what is too much, and does not keep it in memory.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const more = "…"
	end := limit - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}

// Time is when something happened, to the millisecond, by the node's wall clock.
type Time struct{ time.Time }

// MarshalJSON writes the time with all its milliseconds.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

// ID names an event among those of one node.
type ID struct {
	Run    string // "" stands for the present one
	Number uint64 // from 1; 0 is before the first
}

// errID says how an ID is written.
var errID = errors.New("must be an event's number, or its id, as RUN-NUMBER")

// ParseID reads an ID, or a number alone.
func ParseID(text string) (ID, error) {
	run, number, found := strings.Cut(text, "-")
	if !found {
		run, number = "", text
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || found && !isRun(run) {
		return ID{}, fmt.Errorf("event %.40q: %w", text, errID)
	}
	return ID{run, n}, nil
}

// isRun tells whether a text may name a run.
func isRun(text string) bool {
	return len(text) > 0 && len(text) <= 32 && strings.Trim(text, "0123456789abcdef") == ""
}

// String returns what ParseID reads.
func (id ID) String() string {
	number := strconv.FormatUint(id.Number, 10)
	if id.Run == "" {
		return number
	}
	return id.Run + "-" + number
}

// MarshalJSON writes String.
func (id ID) MarshalJSON() ([]byte, error) { return json.Marshal(id.String()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (id *ID) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	parsed, err := ParseID(text)
	*id = parsed
	return err
}
