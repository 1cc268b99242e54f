package notify

import (
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func postman() *Mail {
	return &Mail{Node: "lb1", From: "perch@example.com", To: []string{"ops@example.com", "root"}, SubjectPrefix: "[lb1]", Hello: "lb1.example.com"}
}

func TestLetter(t *testing.T) {
	e := Event{Kind: Fault, Before: Master, Subject: gw, Priority: 100, Reason: "eth0 is down, 50=50", At: noon}
	got := strings.ReplaceAll(string(postman().letter(e)), "\r\n", "\n")
	want := `Date: Fri, 27 Nov 2026 12:00:00 +0000
From: perch@example.com
To: ops@example.com,
 root
Subject: [lb1] router VI_1 is in fault
Message-ID: ` + postman().id(e) + `
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

router VI_1 is in fault

node:     lb1
event:    fault
before:   master
priority: 100
time:     2026-11-27T12:00:00Z
why:      eth0 is down, 50=3D50
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Each attempt sends the same mail, and each event has another one.
func TestMailsAreTold(t *testing.T) {
	e := Event{Kind: Master, Subject: gw, At: noon}
	if first, again := postman().id(e), postman().id(e); first != again {
		t.Error("two attempts have other names")
	}
	for _, other := range []Event{{Kind: Backup, Subject: gw, At: noon}, {Kind: Master, Subject: inside, At: noon}, {Kind: Master, Subject: gw, At: noon.Add(1)}} {
		if postman().id(e) == postman().id(other) {
			t.Errorf("%v has the name of another one", other)
		}
	}
}

// Whatever a name or a reason has in it, there are no more fields, and no long lines.
func TestLetterOfHostileNames(t *testing.T) {
	for _, name := range []string{
		"web\r\nBcc: everybody@example.com", "web\nSubject: other", "web\x00\x1b[31m", "wäb ☃ " + strings.Repeat("ä", 300),
		strings.Repeat("a", 5000), "\xff\xfe", ".", "web\r\n.\r\nMAIL FROM:<x>", "=?utf-8?q?x?=", "\u2028Bcc: x",
	} {
		subject, of := service(name, "tcp", 0, "198.18.0.100:80")
		e := Event{Kind: QuorumDown, Subject: subject, Service: of, Reason: name, At: noon}
		text := postman().letter(e)
		for line := range strings.SplitSeq(string(text), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00\x1b") {
				t.Errorf("%q: line %q", name, line)
			}
		}
		read, err := mail.ReadMessage(strings.NewReader(string(text)))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if len(read.Header) != 9 || read.Header.Get("To") != "ops@example.com, root" {
			t.Errorf("%q: fields %v", name, read.Header)
		}
		said, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
		if err != nil || !strings.HasPrefix(said, "[lb1] service ") {
			t.Errorf("%q: subject %q: %v", name, said, err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
		if err != nil || strings.Count(string(body), "\n") > 7 {
			t.Errorf("%q: body %q: %v", name, body, err)
		}
	}
}

func TestSentences(t *testing.T) {
	web, of := service("web", "tcp", 0, "198.18.0.100:80")
	for want, e := range map[string]Event{
		"router VI_1 is master":                            {Kind: Master, Subject: gw},
		"router VI_1 is backup":                            {Kind: Backup, Subject: gw},
		"router VI_1 has stopped":                          {Kind: Stop, Subject: gw},
		"router VI_1 is there no more":                     {Kind: Deleted, Subject: gw},
		"router VI_1 has priority 90":                      {Kind: MasterPriority, Subject: gw, Priority: 90},
		"router VI_1 has heard a master of lower priority": {Kind: MasterRxLowerPri, Subject: gw},
		"sync group both is in fault":                      {Kind: Fault, Subject: Subject{About: Group, Name: "both"}},
		"cluster edge has its VIPs here":                   {Kind: Owner, Subject: Subject{About: Cluster, Name: "edge"}},
		"cluster edge has its VIPs elsewhere":              {Kind: Standby, Subject: Subject{About: Cluster, Name: "edge"}},
		"service web has its quorum":                       {Kind: QuorumUp, Subject: web},
		"service web has lost its quorum":                  {Kind: QuorumDown, Subject: web},
		"server 10.0.0.11:80 of web is up":                 server(ServerUp, web, of, "10.0.0.11:80"),
		"server [2001:db8::11]:80 of web is down":          server(ServerDown, web, of, "[2001:db8::11]:80"),
	} {
		if got := e.sentence(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
