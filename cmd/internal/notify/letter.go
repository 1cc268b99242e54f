package notify

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
)

// longestSubject is how long a subject may be, in bytes: a name may be long.
const longestSubject = 200

// letter returns the mail for an event, which is the same for each attempt to send it
// (RFC 5322; RFC 3834 section 5 for what keeps others from answering it).
func (m *Mail) letter(e Event) []byte {
	subject := oneLine(strings.TrimSpace(m.SubjectPrefix + " " + e.sentence()))
	if len(subject) > longestSubject {
		subject = strings.ToValidUTF8(subject[:longestSubject], "") + " …"
	}
	var b bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	field("Date", e.At.Format(time.RFC1123Z))
	field("From", m.From)
	field("To", strings.Join(m.To, ",\r\n "))
	field("Subject", strings.ReplaceAll(mime.QEncoding.Encode("utf-8", subject), "?= =?", "?=\r\n =?"))
	field("Message-ID", m.id(e))
	field("Auto-Submitted", "auto-generated")
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=utf-8")
	field("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	_, _ = body.Write([]byte(m.body(e))) // into memory, like all of it
	_ = body.Close()
	return b.Bytes()
}

// id names a mail: a server that gets it twice can tell.
func (m *Mail) id(e Event) string {
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, m.Node, e, m.To)
	return fmt.Sprintf("<perch.%d.%016x@%s>", e.At.UnixNano(), hash.Sum64(), m.Hello)
}

// body returns what has happened, line by line.
func (m *Mail) body(e Event) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s%s\r\n", name+":", oneLine(value))
		}
	}
	fmt.Fprintf(&b, "%s\r\n\r\n", oneLine(e.sentence()))
	line("node", m.Node)
	line("event", string(e.Kind))
	line("before", string(e.Before))
	if e.Subject.About == Router {
		line("priority", fmt.Sprint(e.Priority))
	}
	line("time", e.At.Format(time.RFC3339))
	line("why", e.Reason)
	return b.String()
}

// sentence says what has happened, as "router VI_1 is master".
func (e Event) sentence() string {
	thing := map[About]string{Router: "router ", Group: "sync group ", Cluster: "cluster ", Virtual: "service "}[e.Subject.About] + e.Subject.Name
	if e.Subject.About == Server {
		thing = "server " + e.Subject.Server.String() + " of " + e.Subject.Name
	}
	switch e.Kind {
	case Master, Backup:
		return thing + " is " + string(e.Kind)
	case Fault:
		return thing + " is in fault"
	case Stop:
		return thing + " has stopped"
	case Deleted:
		return thing + " is there no more"
	case MasterPriority, BackupPriority:
		return fmt.Sprintf("%s has priority %d", thing, e.Priority)
	case MasterRxLowerPri:
		return thing + " has heard a master of lower priority"
	case Owner:
		return thing + " has its VIPs here"
	case Standby:
		return thing + " has its VIPs elsewhere"
	case ServerUp:
		return thing + " is up"
	case ServerDown:
		return thing + " is down"
	case QuorumUp:
		return thing + " has its quorum"
	case QuorumDown:
		return thing + " has lost its quorum"
	}
	return thing
}
