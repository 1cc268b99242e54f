package checker

import (
	"bufio"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// smtpSession is a connection to a mail server.
type smtpSession struct {
	conn     net.Conn
	replies  *bufio.Reader
	patience time.Duration // of the look
}

// Bounds of a reply. RFC 5321, section 4.5.3.1.5, has lines of 512 bytes.
const (
	maxReplyLine  = 4096 // in bytes
	maxReplyLines = 100
)

func newSMTPSession(conn net.Conn, patience time.Duration) *smtpSession {
	return &smtpSession{conn: conn, replies: bufio.NewReaderSize(conn, maxReplyLine), patience: patience}
}

// smtpReply is what a server says at once.
type smtpReply struct {
	code  int
	lines []string // without the code
}

// String returns what the first line is like.
func (r smtpReply) String() string { return quote(strconv.Itoa(r.code) + " " + r.lines[0]) }

// offers tells whether an answer to EHLO has a keyword.
func (r smtpReply) offers(keyword string) bool {
	return slices.ContainsFunc(r.lines, func(line string) bool { return strings.EqualFold(line, keyword) })
}

// greet says EHLO, or HELO to a server that does not know the former.
func (s *smtpSession) greet(name string) error {
	reply, err := s.ask("EHLO " + name)
	if err != nil || reply.code == 250 {
		return err
	}
	if reply.code < 500 {
		return unwelcome("EHLO", reply, 250)
	}
	return s.command("HELO "+name, 250)
}

// askForTLS greets, and returns when the server waits for a TLS handshake.
func (s *smtpSession) askForTLS(name string) error {
	reply, err := s.ask("EHLO " + name)
	switch {
	case err != nil:
		return err
	case reply.code != 250:
		return unwelcome("EHLO", reply, 250)
	case !reply.offers("STARTTLS"):
		return because("STARTTLS is not offered")
	}
	if err := s.command("STARTTLS", 220); err != nil {
		return err
	}
	if s.replies.Buffered() > 0 {
		return because("STARTTLS: the server has said more before TLS")
	}
	return nil
}

// command says a line that must be answered with a code.
func (s *smtpSession) command(line string, code int) error {
	verb, _, _ := strings.Cut(line, " ")
	reply, err := s.ask(line)
	if err == nil && reply.code != code {
		return unwelcome(verb, reply, code)
	}
	return err
}

// expect awaits a reply to nothing that was asked.
func (s *smtpSession) expect(what string, code int) error {
	reply, err := readReply(s.replies)
	switch {
	case err != nil:
		return s.failed(what, err)
	case reply.code != code:
		return unwelcome(what, reply, code)
	}
	return nil
}

func (s *smtpSession) ask(line string) (smtpReply, error) {
	verb, _, _ := strings.Cut(line, " ")
	if _, err := io.WriteString(s.conn, line+"\r\n"); err != nil {
		return smtpReply{}, s.failed(verb, err)
	}
	reply, err := readReply(s.replies)
	if err != nil {
		return smtpReply{}, s.failed(verb, err)
	}
	return reply, nil
}

// failed tells at which step there was no reply.
func (s *smtpSession) failed(step string, err error) error {
	return because("%s: %s", step, explainWithin(err, s.patience))
}

func unwelcome(step string, reply smtpReply, wanted int) error {
	return because("%s: %s, wanted %d", step, reply, wanted)
}

// readReply reads the lines of a reply, all of which begin with the same code.
func readReply(r *bufio.Reader) (smtpReply, error) {
	var reply smtpReply
	for len(reply.lines) < maxReplyLines {
		line, err := readReplyLine(r)
		if err != nil {
			return smtpReply{}, err
		}
		code, text, last, ok := parseReplyLine(line)
		if !ok || len(reply.lines) > 0 && code != reply.code {
			return smtpReply{}, because("malformed reply %s", quote(line))
		}
		reply.code = code
		reply.lines = append(reply.lines, text)
		if last {
			return reply, nil
		}
	}
	return smtpReply{}, because("a reply of more than %d lines", maxReplyLines)
}

func readReplyLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", because("a line of more than %d bytes: %s", maxReplyLine, quote(line))
	}
	if err == io.EOF && len(line) > 0 {
		return "", because("connection closed after %s", quote(line))
	}
	return strings.TrimRight(string(line), "\r\n"), err
}

// parseReplyLine splits a line such as "250-SIZE" or "250 OK".
func parseReplyLine(line string) (code int, text string, last, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, "", false, false
	}
	code, _ = strconv.Atoi(line[:3])
	if len(line) == 3 {
		return code, "", true, true
	}
	return code, line[4:], line[3] == ' ', line[3] == ' ' || line[3] == '-'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
