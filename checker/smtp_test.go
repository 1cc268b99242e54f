package checker

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// mailServer says a banner, and answers each command as replies says of its verb; it
// begins TLS with certificate after its answer to STARTTLS.
func mailServer(banner string, replies map[string]string, certificate tls.Certificate) func(net.Conn) {
	return func(conn net.Conn) {
		io.WriteString(conn, banner)
		lines := bufio.NewReader(conn)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			verb, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
			io.WriteString(conn, replies[verb])
			if verb == "STARTTLS" && len(certificate.Certificate) > 0 {
				secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
				mailServer("", map[string]string{"EHLO": replies["secured"], "QUIT": replies["QUIT"]}, tls.Certificate{})(secured)
				return
			}
		}
	}
}

func TestSMTP(t *testing.T) {
	none := tls.Certificate{}
	with := func(changed ...string) map[string]string {
		all := map[string]string{"EHLO": "250-mail\r\n250-SIZE\r\n250 HELP\r\n", "HELO": "250 mail\r\n", "QUIT": "221 bye\r\n"}
		for i := 0; i < len(changed); i += 2 {
			all[changed[i]] = changed[i+1]
		}
		return all
	}
	const banner = "220 mail ESMTP\r\n"
	tests := []struct {
		name    string
		serve   func(net.Conn)
		timeout time.Duration
		want    string
	}{
		{"is well", mailServer(banner, with(), none), enough, ""},
		{"has a long banner", mailServer("220-mail\r\n220-no spam\r\n220 please\r\n", with(), none), enough, ""},
		{"does not know EHLO", mailServer(banner, with("EHLO", "502 what?\r\n"), none), enough, ""},
		{"has bare newlines and codes", mailServer("220\n", with("EHLO", "250\n"), none), enough, ""},
		{"has no service", mailServer("554 no SMTP\tservice here\r\n", with(), none), enough, `banner: "554 no SMTP\tservice here", wanted 220`},
		{"shuts down", mailServer(banner, with("EHLO", "421-mail\r\n421 closing\r\n"), none), enough, `EHLO: "421 mail", wanted 250`},
		{"knows neither", mailServer(banner, with("EHLO", "500 what\r\n", "HELO", "550 no\r\n"), none), enough, `HELO: "550 no", wanted 250`},
		{"does not quit", mailServer(banner, with("QUIT", "500 never\r\n"), none), enough, `QUIT: "500 never", wanted 221`},
		{"mixes codes", mailServer(banner, with("EHLO", "250-a\r\n251 b\r\n"), none), enough, `EHLO: malformed reply "251 b"`},
		{"is mute", mute, soonOver, "banner: no answer within 300ms"},
		{"is mute on EHLO", mailServer(banner, with("EHLO", ""), none), soonOver, "EHLO: no answer within 300ms"},
		{"closes", closeAtOnce, enough, "banner: connection closed by the other side"},
		{"closes within a line", saysAndCloses("220 ma"), enough, `banner: connection closed after "220 ma"`},
		{"closes after the banner", func(c net.Conn) { io.WriteString(c, banner); readSome(c) }, enough, "EHLO: connection closed by the other side"},
		{"resets", func(c net.Conn) { io.WriteString(c, banner); reset(c) }, enough, "EHLO: connection reset by the other side"},
		{"is not SMTP", tells("SSH-2.0-OpenSSH_9.9\r\n"), enough, `banner: malformed reply "SSH-2.0-OpenSSH_9.9"`},
		{"is binary", tells("\x00\xff\x1b[2J\n"), enough, `banner: malformed reply "\x00\xff\x1b[2J"`},
		{"an empty line", tells("\r\n"), enough, `banner: malformed reply ""`},
		{"a code below", tells("199 x\r\n"), enough, `banner: malformed reply "199 x"`},
		{"a code without end", tells("2200 x\r\n"), enough, `banner: malformed reply "2200 x"`},
		{"continues without end", endless("220-more\r\n"), enough, "banner: a reply of more than 100 lines"},
		{"a line without end", endless("220 more "), enough, `banner: a line of more than 4096 bytes: "220 more 220 more 220 more 220 more 220 more 220 more 220 more 2"...`},
		{"drips", drips("220-more and more\r\n"), soonOver, "banner: no answer within 300ms"},
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, test := range tests {
			t.Run(host+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				spec := Spec{Kind: "smtp", Target: rawServer(t, host, test.serve)}
				if got := lookOnce(t, spec, test.timeout); got != test.want {
					t.Errorf("reason\n%s\nwant\n%s", got, test.want)
				}
			})
		}
		t.Run(host+"/refused", func(t *testing.T) {
			if got := lookOnce(t, Spec{Kind: "smtp", Target: closedPort(t, host)}, enough); got != "connection refused" {
				t.Errorf("reason %q", got)
			}
		})
	}
}

func TestSMTPOverTLS(t *testing.T) {
	certificate, ca := testCertificate(t, "127.0.0.1")
	_, otherCA := testCertificate(t, "127.0.0.1")
	with := func(changed ...string) map[string]string {
		all := map[string]string{
			"EHLO": "250-mail\r\n250 starttls\r\n", "STARTTLS": "220 go\r\n", "secured": "250 mail\r\n", "QUIT": "221 bye\r\n",
		}
		for i := 0; i < len(changed); i += 2 {
			all[changed[i]] = changed[i+1]
		}
		return all
	}
	const banner = "220 mail ESMTP\r\n"
	start, trusted := SMTP{StartTLS: true, Hello: "perch.example"}, TLS{CAFile: ca}
	garbage := tls.Certificate{}
	tests := []struct {
		name    string
		serve   func(net.Conn)
		smtp    SMTP
		tls     TLS
		timeout time.Duration
		want    string
	}{
		{"STARTTLS", mailServer(banner, with(), certificate), start, trusted, enough, ""},
		{"TLS from the begin", overTLS(certificate, mailServer(banner, with(), certificate)), SMTP{}, TLS{Enabled: true, CAFile: ca}, enough, ""},
		{"another authority", mailServer(banner, with(), certificate), start, TLS{CAFile: otherCA}, enough, "STARTTLS: certificate signed by unknown authority"},
		{"unverified", mailServer(banner, with(), certificate), start, TLS{Insecure: true}, enough, ""},
		{"not offered", mailServer(banner, with("EHLO", "250-STARTTLSX\r\n250 HELP\r\n"), certificate), start, trusted, enough, "STARTTLS is not offered"},
		{"no EHLO", mailServer(banner, with("EHLO", "500 what\r\n"), certificate), start, trusted, enough, `EHLO: "500 what", wanted 250`},
		{"refused", mailServer(banner, with("STARTTLS", "454 not now\r\n"), garbage), start, trusted, enough, `STARTTLS: "454 not now", wanted 220`},
		{"says more before TLS", mailServer(banner, with("STARTTLS", "220 go\r\n250 injected\r\n"), garbage), start, trusted, enough, "STARTTLS: the server has said more before TLS"},
		{"garbage for TLS", func(c net.Conn) {
			io.WriteString(c, banner)
			readSome(c)
			io.WriteString(c, "250 STARTTLS\r\n")
			readSome(c)
			io.WriteString(c, "220 go\r\n")
			readSome(c)
			endless("garbage")(c)
		}, start, trusted, enough, "STARTTLS: server does not speak TLS"},
		{"silence for TLS", mailServer(banner, with(), garbage), start, trusted, soonOver, "STARTTLS: no answer within 300ms"},
		{"no greeting over TLS", mailServer(banner, with("secured", "550 go away\r\n"), certificate), start, trusted, enough, `EHLO: "550 go away", wanted 250`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			spec := Spec{Kind: "smtp", Target: rawServer(t, "127.0.0.1", test.serve), SMTP: test.smtp, TLS: test.tls}
			if got := lookOnce(t, spec, test.timeout); !isLike(got, test.want) {
				t.Errorf("reason\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// The whole of what a mail server hears.
func TestSMTPCommands(t *testing.T) {
	heard := make(chan string, 1)
	target := rawServer(t, "127.0.0.1", func(conn net.Conn) {
		var said bytes.Buffer
		io.WriteString(conn, "220 mail\r\n")
		lines := bufio.NewReader(io.TeeReader(conn, &said))
		for _, reply := range []string{"500 what\r\n", "250 mail\r\n", "221 bye\r\n"} {
			lines.ReadString('\n')
			io.WriteString(conn, reply)
		}
		io.Copy(io.Discard, lines)
		heard <- said.String()
	})
	spec := Spec{Kind: "smtp", Target: target, SMTP: SMTP{Hello: "perch.example"}}
	if got := lookOnce(t, spec, enough); got != "" {
		t.Fatal(got)
	}
	if got, want := <-heard, "EHLO perch.example\r\nHELO perch.example\r\nQUIT\r\n"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
}

func TestWrongSMTPSpecs(t *testing.T) {
	for want, spec := range map[string]Spec{
		`target "mail": must be "host:port"`:                                                   {Target: "mail"},
		"STARTTLS begins without TLS: one of the two":                                          {Target: "mail:25", SMTP: SMTP{StartTLS: true}, TLS: TLS{Enabled: true}},
		"hello \"a\\r\\nRSET\": must be at most 255 printable ASCII characters without spaces": {Target: "mail:25", SMTP: SMTP{Hello: "a\r\nRSET"}},
	} {
		if _, err := newSMTP(nil, spec); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func FuzzSMTPReply(f *testing.F) {
	for _, seed := range []string{"220 mail\r\n", "250-a\r\n250 b\r\n", "250\n", "220-", "\r\n", strings.Repeat("220-x\r\n", 101)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		reply, err := readReply(bufio.NewReaderSize(bytes.NewReader(data), maxReplyLine))
		if err != nil {
			checkReason(t, explain(err).Error())
			return
		}
		if reply.code < 200 || reply.code > 599 || len(reply.lines) == 0 || len(reply.lines) > maxReplyLines {
			t.Errorf("reply %+v of %q", reply, data)
		}
		checkReason(t, unwelcome("EHLO", reply, 250).Error())
	})
}

func FuzzPattern(f *testing.F) {
	f.Add([]byte("+PONG\r\n"), "PONG", []byte(nil), []byte(nil), 3)
	f.Add([]byte("\x0a\xf7"), "", []byte("\x0a\xf0"), []byte("\xff\xf0"), 1)
	f.Fuzz(func(t *testing.T, answer []byte, contains string, bits, mask []byte, part int) {
		p := Pattern{Contains: contains, Bytes: bits, Mask: mask}
		if p.valid() != nil || p.none() {
			return
		}
		whole := p.judge(answer, 0)
		if part > 0 && part < len(answer) && p.judge(answer[:part], 0) == undecided && p.judge(answer, part) != whole {
			t.Errorf("%+v of %q: in parts it is not %v", p, answer, whole)
		}
		checkReason(t, p.mismatch(answer).Error())
	})
}
