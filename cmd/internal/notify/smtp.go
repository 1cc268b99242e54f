package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// mostSaid is how much a server may say about one mail, in bytes.
const mostSaid = 256 << 10

// farewell is how long a server that has the mail is waited for.
const farewell = time.Second

// send hands a mail over to the server, until ctx ends. It is sent once somebody of To may
// have it; who may not is in the error.
func (m *Mail) send(ctx context.Context, letter []byte) error {
	host, _, err := net.SplitHostPort(m.Server)
	if err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", m.Server)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	client, err := m.greet(conn, host)
	if err != nil {
		return err
	}
	if err := m.authenticate(client, conn.RemoteAddr(), host); err != nil {
		return err
	}
	refused, err := m.post(client, letter)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(farewell))
	_ = client.Quit() // it has the mail
	return refused
}

// greet says hello, and speaks TLS if it is to be.
func (m *Mail) greet(conn net.Conn, host string) (*smtp.Client, error) {
	bounded := net.Conn(&boundedConn{Conn: conn, left: mostSaid})
	config := m.TLS.Clone()
	config.ServerName, config.InsecureSkipVerify = host, m.Encryption == Opportunistic
	if m.Encryption == FromTheBegin {
		bounded = tls.Client(bounded, config)
	}
	client, err := smtp.NewClient(bounded, host)
	if err != nil {
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if err := client.Hello(m.Hello); err != nil {
		return nil, fmt.Errorf("EHLO: %w", err)
	}
	offered, _ := client.Extension("STARTTLS")
	switch {
	case m.Encryption == StartTLS && !offered:
		return nil, forGood("STARTTLS is not offered")
	case m.Encryption == StartTLS, m.Encryption == Opportunistic && offered:
		if err := client.StartTLS(config); err != nil {
			return nil, fmt.Errorf("STARTTLS: %w", err)
		}
	}
	return client, nil
}

// authenticate says who perch is, to a server whose certificate is good, or that is this
// machine: a name such as localhost may stand for another one.
func (m *Mail) authenticate(client *smtp.Client, remote net.Addr, host string) error {
	if m.User == "" {
		return nil
	}
	verified := m.Encryption == StartTLS || m.Encryption == FromTheBegin
	if at, ok := remote.(*net.TCPAddr); !verified && (!ok || !at.IP.IsLoopback()) {
		return forGood("%s is another machine, which gets no password in clear", remote)
	}
	_, offer := client.Extension("AUTH")
	var auth smtp.Auth
	switch offered := strings.Fields(strings.ToUpper(offer)); {
	case slices.Contains(offered, "PLAIN"):
		auth = smtp.PlainAuth("", m.User, m.Password, host, true)
	case slices.Contains(offered, "LOGIN"):
		auth = smtp.LoginAuth(m.User, m.Password, host, true)
	default:
		return forGood("neither AUTH PLAIN nor LOGIN is offered")
	}
	if err := client.Auth(auth); err != nil {
		return fmt.Errorf("AUTH: %w", err)
	}
	return nil
}

// post hands the mail over. Who of To the server refuses while it takes others is in refused.
func (m *Mail) post(client *smtp.Client, letter []byte) (refused, err error) {
	client.SkipSMTPUTF8(true) // addresses are ASCII
	if err := client.Mail("<" + m.From + ">"); err != nil {
		return nil, fmt.Errorf("from %s: %w", m.From, err)
	}
	var failed []error
	for _, to := range m.To {
		if err := client.Rcpt("<" + to + ">"); err != nil {
			failed = append(failed, fmt.Errorf("to %s: %w", to, err))
		}
	}
	if len(failed) == len(m.To) {
		return nil, gentlest(failed)
	}
	data, err := client.Data()
	if err != nil {
		return nil, fmt.Errorf("DATA: %w", err)
	}
	if _, err := data.Write(letter); err != nil {
		return nil, fmt.Errorf("DATA: %w", err)
	}
	if err := data.Close(); err != nil {
		return nil, fmt.Errorf("DATA: %w", err)
	}
	if len(failed) > 0 { // others have it, and are not to get it twice
		return marked{errors.Join(failed...), errForGood}, nil
	}
	return nil, nil
}

// gentlest returns the error that is worth another attempt, or else all of them.
func gentlest(list []error) error {
	for _, err := range list {
		if !isForGood(err) {
			return err
		}
	}
	return errors.Join(list...)
}

// boundedConn reads so many bytes, so that a server that talks without end fills no memory.
type boundedConn struct {
	net.Conn
	left int
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
