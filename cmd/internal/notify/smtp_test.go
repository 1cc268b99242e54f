package notify

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

func TestMailIsSent(t *testing.T) {
	p := newPost(t).start()
	m := p.mail()
	m.To = append(m.To, "root")
	if err := m.Tell(t.Context(), Event{Kind: Master, Subject: gw}); err != nil {
		t.Fatal(err)
	}
	want := "EHLO lb1.example.com\nMAIL FROM:<perch@example.com>\nRCPT TO:<ops@example.com>\nRCPT TO:<root>\nDATA\nQUIT"
	if got := p.heard(); got != want {
		t.Errorf("said\n%s\nwant\n%s", got, want)
	}
	if got := p.subjects(); len(got) != 1 || got[0] != "[lb1] router VI_1 is master" {
		t.Errorf("mails %q", got)
	}
}

// What goes well later is told from what does not.
func TestMailFails(t *testing.T) {
	const later, good = true, false
	for name, tc := range map[string]struct {
		answers map[string]string
		later   bool
		why     string
	}{
		"greeting":        {map[string]string{"greeting": "421 busy"}, later, `greeting: 421 "busy"`},
		"no service":      {map[string]string{"greeting": "554 no service"}, good, `greeting: 554 "no service"`},
		"greylisted":      {map[string]string{"RCPT": "451 greylisted"}, later, `to ops@example.com: 451 "greylisted"`},
		"unknown":         {map[string]string{"RCPT": "550 unknown"}, good, `to ops@example.com: 550 "unknown"`},
		"some later":      {map[string]string{"RCPT TO:<ops": "550 unknown", "RCPT TO:<root": "452 full"}, later, `to root: 452 "full"`},
		"from":            {map[string]string{"MAIL": "553 not you"}, good, `from perch@example.com: 553 "not you"`},
		"data":            {map[string]string{"DATA": "452 full"}, later, `DATA: 452 "full"`},
		"spam":            {map[string]string{".": "554 spam"}, good, `DATA: 554 "spam"`},
		"end":             {map[string]string{"MAIL": "close"}, later, "EOF"},
		"control":         {map[string]string{"MAIL": "550 \x1b[31mno\x07"}, good, `550 "\x1b[31mno\a"`},
		"one of them has": {map[string]string{"RCPT TO:<root": "550 unknown"}, good, `to root: 550 "unknown"`},
		"no SMTP":         {map[string]string{"greeting": "HTTP/1.1 400 Bad Request"}, later, "HTTP/1.1 400"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t)
			p.answers = tc.answers
			m := p.start().mail()
			m.To = append(m.To, "root")
			err := m.Tell(t.Context(), of(Master, gw))
			if err == nil || !strings.Contains(err.Error(), tc.why) || errors.Is(err, ErrLater) != tc.later {
				t.Errorf("%v, later is %v", err, errors.Is(err, ErrLater))
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\x1b\x07") {
				t.Errorf("%q is not one line", err)
			}
		})
	}
}

// Whom the server takes has the mail, though it refuses another one, and once.
func TestMailToSome(t *testing.T) {
	p := newPost(t)
	p.answers = map[string]string{"RCPT TO:<root": "451 later"}
	m := p.start().mail()
	m.To = append(m.To, "root")
	if err := m.Tell(t.Context(), of(Master, gw)); err == nil || errors.Is(err, ErrLater) {
		t.Error(err)
	}
	if got := p.subjects(); len(got) != 1 {
		t.Errorf("mails %q", got)
	}
}

// Nor does it have it twice if the time is over while the server takes leave.
func TestMailToSomeWithoutFarewell(t *testing.T) {
	p := newPost(t)
	p.answers = map[string]string{"RCPT TO:<root": "550 unknown", "QUIT": "hang"}
	m := p.start().mail()
	m.To, m.Timeout = append(m.To, "root"), farewell/2
	if err := m.Tell(t.Context(), of(Master, gw)); err == nil || errors.Is(err, ErrLater) || !strings.Contains(err.Error(), "to root: 550") {
		t.Error(err)
	}
}

func TestMailServerThatIsNotThere(t *testing.T) {
	p := newPost(t)
	p.listener.Close()
	if err := p.mail().Tell(t.Context(), of(Master, gw)); !errors.Is(err, ErrLater) || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
}

// A server that says nothing, at any point, is given up after the timeout.
func TestMailServerThatHangs(t *testing.T) {
	for _, at := range []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "."} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			p.answers[at] = "hang"
			m := p.start().mail()
			m.Timeout = 200 * time.Millisecond
			if err := m.Tell(t.Context(), of(Master, gw)); !errors.Is(err, ErrLater) || !strings.Contains(err.Error(), "no end within 200ms") {
				t.Error(err)
			}
		})
	}
}

// A server that has the mail is not waited for.
func TestMailServerWithoutFarewell(t *testing.T) {
	p := newPost(t)
	p.answers["QUIT"] = "hang"
	m := p.start().mail()
	m.Timeout = time.Hour
	if err := m.Tell(t.Context(), of(Master, gw)); err != nil {
		t.Error(err)
	}
}

// A server that talks without end fills no memory.
func TestMailServerThatTalks(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan int)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			close(said)
			return
		}
		defer conn.Close()
		n := 0
		for err == nil && n < 1<<30 {
			var more int
			more, err = conn.Write(make([]byte, 1<<16))
			n += more
		}
		said <- n
	}()
	p := &post{listener: l}
	if err := p.mail().Tell(t.Context(), of(Master, gw)); !errors.Is(err, ErrLater) || len(err.Error()) > 600 {
		t.Errorf("%.1000v", err)
	}
	l.Close()
	if n := <-said; n >= 1<<30 {
		t.Errorf("%d bytes were taken", n)
	}
}

func TestMailByTLS(t *testing.T) {
	for name, tc := range map[string]struct {
		encryption Encryption
		offers     bool
		fromBegin  bool
		name       string // in the certificate
		trusted    bool
		why        string // "" for a mail that is sent
		encrypted  bool
	}{
		"opportunistic":           {Opportunistic, true, false, "elsewhere", false, "", true},
		"opportunistic, no offer": {Opportunistic, false, false, "127.0.0.1", true, "", false},
		"never":                   {Clear, true, false, "127.0.0.1", true, "", false},
		"starttls":                {StartTLS, true, false, "127.0.0.1", true, "", true},
		"starttls, no offer":      {StartTLS, false, false, "127.0.0.1", true, "STARTTLS is not offered", false},
		"starttls, other name":    {StartTLS, true, false, "127.0.0.2", true, "127.0.0.1", false},
		"starttls, not trusted":   {StartTLS, true, false, "127.0.0.1", false, "unknown authority", false},
		"tls":                     {FromTheBegin, false, true, "127.0.0.1", true, "", true},
		"tls, not trusted":        {FromTheBegin, false, true, "127.0.0.1", false, "unknown authority", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t)
			p.fromBegin = tc.fromBegin
			authorities := p.certify(tc.name)
			if tc.offers {
				p.offers = []string{"STARTTLS"}
			}
			m := p.start().mail()
			m.Encryption = tc.encryption
			m.TLS.RootCAs = x509.NewCertPool()
			if tc.trusted {
				m.TLS.RootCAs = authorities
			}
			err := m.Tell(t.Context(), of(Master, gw))
			if tc.why == "" {
				if err != nil || len(p.subjects()) != 1 {
					t.Errorf("%v; mails %q", err, p.subjects())
				}
				if got := tc.fromBegin || strings.Contains(p.heard(), "STARTTLS"); got != tc.encrypted {
					t.Errorf("encrypted is %v", got)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.why) || errors.Is(err, ErrLater) {
				t.Error(err)
			}
			if strings.Contains(p.heard(), "MAIL") {
				t.Errorf("said\n%s", p.heard())
			}
		})
	}
}

func TestMailWithPassword(t *testing.T) {
	for name, tc := range map[string]struct {
		offers   []string
		password string
		why      string
	}{
		"right":    {[]string{"STARTTLS", "AUTH LOGIN PLAIN"}, "secret", ""},
		"login":    {[]string{"STARTTLS", "AUTH LOGIN"}, "secret", ""},
		"wrong in": {[]string{"STARTTLS", "AUTH LOGIN"}, "other", `535 "no"`},
		"wrong":    {[]string{"STARTTLS", "AUTH PLAIN"}, "other", `535 "no"`},
		"no offer": {[]string{"STARTTLS", "AUTH GSSAPI"}, "secret", "neither AUTH PLAIN nor LOGIN"},
		"no TLS":   {[]string{"AUTH PLAIN"}, "secret", "STARTTLS is not offered"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t)
			p.offers, p.password = tc.offers, "secret"
			authorities := p.certify("127.0.0.1")
			m := p.start().mail()
			m.Encryption, m.TLS.RootCAs, m.User, m.Password = StartTLS, authorities, "perch", tc.password
			err := m.Tell(t.Context(), of(Master, gw))
			if tc.why == "" && err != nil || tc.why != "" && (err == nil || !strings.Contains(err.Error(), tc.why) || errors.Is(err, ErrLater)) {
				t.Error(err)
			}
			if strings.Contains(fmt.Sprint(err), tc.password) {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

// A server that repeats the password does not have it logged.
func TestPasswordThatIsRepeated(t *testing.T) {
	for _, repeated := range []string{"guessed", "Z3Vlc3NlZA==", "AHBlcmNoAGd1ZXNzZWQ="} {
		p := newPost(t)
		p.offers, p.password = []string{"AUTH PLAIN"}, "secret"
		p.answers["535"] = "535 what is " + repeated + "?"
		m := p.start().mail()
		m.User, m.Password = "perch", "guessed"
		if err := m.Tell(t.Context(), of(Master, gw)); err == nil || errors.Is(err, ErrLater) || !strings.Contains(err.Error(), `AUTH: 535 "what is ***?"`) {
			t.Errorf("%v", err)
		}
	}
}

// A password goes in clear to this machine alone, whatever the config calls it.
func TestPasswordInClear(t *testing.T) {
	m := &Mail{Encryption: Opportunistic, User: "perch", Password: "secret"}
	for _, remote := range []net.Addr{&net.TCPAddr{IP: net.IPv4(198, 18, 0, 25)}, &net.TCPAddr{IP: net.ParseIP("2001:db8::25")}, &net.UnixAddr{}} {
		if err := m.authenticate(nil, remote, "localhost"); !errors.Is(err, errForGood) || !strings.Contains(err.Error(), "another machine") {
			t.Errorf("%v: %v", remote, err)
		}
	}
	p := newPost(t)
	p.offers, p.password = []string{"AUTH PLAIN"}, "secret"
	local := p.start().mail()
	local.User, local.Password = "perch", "secret"
	if err := local.Tell(t.Context(), of(Master, gw)); err != nil {
		t.Error(err)
	}
}
