package notify

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Encryption is whether TLS is spoken to a mail server.
type Encryption string

// The ways to speak to a mail server.
const (
	Opportunistic Encryption = "opportunistic" // if it offers STARTTLS, with any certificate
	StartTLS      Encryption = "starttls"      // always, and the certificate must be good
	FromTheBegin  Encryption = "tls"           // likewise, without STARTTLS
	Clear         Encryption = "none"
)

// Mail is a target: people who get a mail for each event. Its fields do not change.
type Mail struct {
	Node          string // in the text
	Server        string // "host:port"
	From          string
	To            []string
	SubjectPrefix string
	Hello         string
	Encryption    Encryption
	TLS           *tls.Config // without a name
	User          string      // "" for no authentication
	Password      string
	Timeout       time.Duration
}

// Tell implements Target. What may go well another time is an ErrLater.
func (m *Mail) Tell(ctx context.Context, e Event) error {
	limited, cancel := context.WithTimeout(ctx, m.Timeout)
	defer cancel()
	switch err := m.send(limited, m.letter(e)); {
	case err == nil:
		return nil
	case isForGood(err): // also if the time is over by now: some of To may have the mail
		return fmt.Errorf("mail by %s: %s", m.Server, oneLine(m.conceal(err.Error())))
	case ctx.Err() != nil:
		return fmt.Errorf("mail by %s: %w", m.Server, errEnded)
	case limited.Err() != nil:
		return marked{fmt.Errorf("mail by %s: no end within %s", m.Server, m.Timeout), ErrLater}
	default:
		return marked{fmt.Errorf("mail by %s: %s", m.Server, oneLine(m.conceal(err.Error()))), ErrLater}
	}
}

// conceal takes the password out of what a server says, who may repeat it: others read the log.
func (m *Mail) conceal(text string) string {
	if m.Password == "" {
		return text
	}
	encode := base64.StdEncoding.EncodeToString
	plain, login := encode([]byte("\x00"+m.User+"\x00"+m.Password)), encode([]byte(m.Password))
	return strings.NewReplacer(plain, "***", login, "***", m.Password, "***").Replace(text)
}

// errForGood is of what another attempt would not mend.
var errForGood = errors.New("for good")

// marked is an error that is another one besides, and does not say so.
type marked struct {
	error
	mark error
}

// Unwrap is for errors.Is and errors.As.
func (m marked) Unwrap() []error { return []error{m.error, m.mark} }

func forGood(format string, args ...any) error {
	return marked{fmt.Errorf(format, args...), errForGood}
}

// isForGood reports whether another attempt would fail, too: a reply of 5xx (RFC 5321
// section 4.2.1), a bad certificate, and what the server lacks.
func isForGood(err error) bool {
	var reply *textproto.Error
	var certificate *tls.CertificateVerificationError
	return errors.Is(err, errForGood) || errors.As(err, &certificate) || errors.As(err, &reply) && reply.Code >= 500
}

// longestReason is how much of what a server says is kept.
const longestReason = 300

// oneLine makes one line of what a server said.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	if len(s) > longestReason {
		s = strings.ToValidUTF8(s[:longestReason], "") + " …"
	}
	return s
}
