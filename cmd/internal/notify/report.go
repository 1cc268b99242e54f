package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// reportVersion is that of the fields below: they keep their meaning, and more may come.
const reportVersion = 1

// report is the body of a webhook's request. What an event has not is left out.
type report struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"`
	Node     string    `json:"node"`
	Kind     Kind      `json:"kind"`
	Before   Kind      `json:"before,omitempty"`
	Subject  About     `json:"subject"`
	Name     string    `json:"name"`
	Server   string    `json:"server,omitempty"`
	Priority *int      `json:"priority,omitempty"`
	Reason   string    `json:"reason"`
	Time     time.Time `json:"time"`
	Term     uint64    `json:"term,omitempty"`
}

// reportOf returns what a webhook is told of an event, which is the same for each attempt.
func reportOf(node string, e Event) report {
	r := report{
		Version: reportVersion,
		ID:      eventID(node, e),
		Node:    node,
		Kind:    e.Kind,
		Before:  e.Before,
		Subject: e.Subject.About,
		Name:    e.Subject.Name,
		Reason:  e.Reason,
		Time:    e.At.UTC(),
		Term:    e.Term,
	}
	if e.Subject.About == Router || e.Subject.About == Cluster {
		r.Priority = &e.Priority
	}
	if e.Subject.Server.IsValid() {
		r.Server = e.Subject.Server.String()
	}
	return r
}

func (r report) body() ([]byte, error) { return json.Marshal(r) }

// eventID names an event: whoever hears of it twice can tell.
func eventID(node string, e Event) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %s %d", node, e.Kind, e.Before, e.Subject.About, e.Subject.Name, e.Subject.Server, e.At.UnixNano()))
	return hex.EncodeToString(sum[:16])
}

// signature proves who sends a body, and when: the HMAC-SHA256 of the Unix time, a dot and
// the body.
func signature(secret, body []byte, at time.Time) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%d.", at.Unix())
	mac.Write(body)
	return fmt.Sprintf("t=%d,v1=%x", at.Unix(), mac.Sum(nil))
}
