package checker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// smtpCheck greets a mail server and takes its leave (RFC 5321, RFC 3207).
type smtpCheck struct {
	stream   *stream
	startTLS *tlsClient // nil without STARTTLS
	hello    string
}

func newSMTP(h *Host, s Spec) (Checker, error) {
	if s.SMTP.StartTLS && s.TLS.Enabled {
		return nil, errors.New("STARTTLS begins without TLS: one of the two")
	}
	hello, err := helloName(s.SMTP.Hello)
	if err != nil {
		return nil, err
	}
	stream, err := newStream(h, s, "")
	if err != nil {
		return nil, err
	}
	made := &smtpCheck{stream: stream, hello: hello}
	if s.SMTP.StartTLS {
		host, _, _ := net.SplitHostPort(stream.address)
		made.startTLS, err = h.newTLS(s.TLS, host)
	}
	return made, err
}

// helloName returns the name to greet with, that of this machine by default.
func helloName(name string) (string, error) {
	if name == "" {
		return os.Hostname()
	}
	outside := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(name) > 255 || strings.ContainsFunc(name, outside) {
		return "", fmt.Errorf("hello %q: must be at most 255 printable ASCII characters without spaces", name)
	}
	return name, nil
}

// Check implements Checker.
func (c *smtpCheck) Check(ctx context.Context) (Finding, error) {
	patience := patience(ctx)
	var ofStartTLS string
	warning, err := c.stream.visit(ctx, func(conn net.Conn) (err error) {
		ofStartTLS, err = c.talk(ctx, conn, patience)
		return err
	})
	return Finding{Warning: warning + ofStartTLS}, explainWithin(err, patience)
}

func (c *smtpCheck) talk(ctx context.Context, conn net.Conn, patience time.Duration) (warning string, err error) {
	session := newSMTPSession(conn, patience)
	if err := session.expect("banner", 220); err != nil {
		return "", err
	}
	if c.startTLS == nil {
		if err := session.greet(c.hello); err != nil {
			return "", err
		}
		return "", session.command("QUIT", 221)
	}
	if err := session.askForTLS(c.hello); err != nil {
		return "", err
	}
	secured, warning, err := secure(ctx, conn, c.startTLS)
	if err != nil {
		return "", session.failed("STARTTLS", err)
	}
	session = newSMTPSession(secured, patience)
	if err := session.command("EHLO "+c.hello, 250); err != nil {
		return "", err
	}
	if err := session.command("QUIT", 221); err != nil {
		return "", err
	}
	farewell(secured)
	return warning, nil
}
