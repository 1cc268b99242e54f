package lab

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
)

// Mail is what a Postbox got: from and for whom, as the client said, and all of its text, with
// newlines at the ends of its lines.
type Mail struct {
	From string
	To   []string
	Text string
}

// Subject returns what the mail says of itself.
func (m Mail) Subject() string {
	_, rest, _ := strings.Cut("\n"+m.Text, "\nSubject: ")
	subject, _, _ := strings.Cut(rest, "\n")
	return subject
}

// Postbox is a mail server at port 25 of a host itself.
type Postbox struct {
	listener net.Listener
	serving  sync.WaitGroup
}

// OpenPostbox runs one. take gets each mail, maybe several at once.
func (h *Host) OpenPostbox(take func(Mail)) (*Postbox, error) {
	p := &Postbox{}
	err := h.Do(func() (err error) {
		p.listener, err = net.Listen("tcp", "127.0.0.1:25")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open postbox of %s: %w", h.Name, err)
	}
	p.serving.Go(func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.serving.Go(func() { receive(conn, take) })
		}
	})
	return p, nil
}

// Close ends it, once all clients have ended.
func (p *Postbox) Close() error {
	err := p.listener.Close()
	p.serving.Wait()
	return err
}

// receive speaks with one client, until that ends (RFC 5321).
func receive(conn net.Conn, take func(Mail)) {
	defer conn.Close()
	var m Mail
	lines := bufio.NewScanner(conn)
	fmt.Fprint(conn, "220 here\r\n")
	for lines.Scan() {
		line, answer := lines.Text(), "250 ok"
		switch {
		case strings.HasPrefix(line, "MAIL FROM:"):
			m.From, _, _ = strings.Cut(strings.TrimPrefix(line, "MAIL FROM:"), " ")
		case strings.HasPrefix(line, "RCPT TO:"):
			m.To = append(m.To, strings.TrimPrefix(line, "RCPT TO:"))
		case line == "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			for lines.Scan() && lines.Text() != "." {
				m.Text += lines.Text() + "\n"
			}
			take(m)
			m = Mail{}
		case line == "QUIT":
			answer = "221 bye"
		}
		fmt.Fprint(conn, answer+"\r\n")
	}
}
