package notify

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// post is a mail server. Its fields do not change once it runs.
type post struct {
	t           *testing.T
	listener    net.Listener
	certificate tls.Certificate
	fromBegin   bool              // TLS
	offers      []string          // behind EHLO
	answers     map[string]string // in place of the usual ones, by the beginning of what is said
	password    string            // of perch

	mu    sync.Mutex
	said  []string // by all clients, line by line, but for mails
	mails []string
}

func newPost(t *testing.T) *post {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &post{t: t, listener: l, answers: map[string]string{}}
}

func (p *post) start() *post {
	var serving sync.WaitGroup
	var open sync.Map
	serving.Go(func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			open.Store(conn, nil)
			serving.Go(func() { p.serve(conn) })
		}
	})
	p.t.Cleanup(func() {
		p.listener.Close()
		open.Range(func(conn, _ any) bool { return conn.(net.Conn).Close() == nil })
		serving.Wait()
	})
	return p
}

// mail returns a target that gets its mails there.
func (p *post) mail() *Mail {
	return &Mail{
		Node: "lb1", Server: p.listener.Addr().String(), From: "perch@example.com", To: []string{"ops@example.com"},
		SubjectPrefix: "[lb1]", Hello: "lb1.example.com", Encryption: Opportunistic, TLS: &tls.Config{}, Timeout: 20 * time.Second,
	}
}

func (p *post) serve(conn net.Conn) {
	defer conn.Close()
	if p.fromBegin {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{p.certificate}})
	}
	lines := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
	if !p.answer(conn, "greeting", "220 here") {
		return
	}
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\r\n")
		p.mu.Lock()
		p.said = append(p.said, line)
		p.mu.Unlock()
		switch word, _, _ := strings.Cut(line, " "); word {
		case "EHLO":
			if _, special := p.answers["EHLO"]; !special {
				say("250-here")
				for _, offer := range p.offers {
					say("250-" + offer)
				}
			}
			if !p.answer(conn, line, "250 HELP") {
				return
			}
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{p.certificate}})
			lines.Reset(conn)
			say = func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
		case "AUTH":
			if !p.admits(line, lines, say) {
				p.answer(conn, "535", "535 no")
				continue
			}
			say("235 welcome")
		case "DATA":
			if !p.answer(conn, line, "354 go on") {
				return
			}
			p.keep(lines)
			if !p.answer(conn, ".", "250 taken") {
				return
			}
		case "QUIT":
			if p.answer(conn, line, "221 bye") && p.answers["QUIT"] == "" {
				return
			}
		default:
			if !p.answer(conn, line, "250 ok") {
				return
			}
		}
	}
}

// admits asks who the client is, and tells whether it knows the password.
func (p *post) admits(line string, lines *bufio.Reader, say func(string)) bool {
	code := base64.StdEncoding.EncodeToString
	if line != "AUTH LOGIN" {
		return line == "AUTH PLAIN "+code([]byte("\x00perch\x00"+p.password))
	}
	for _, field := range [][2]string{{"Username:", "perch"}, {"Password:", p.password}} {
		say("334 " + code([]byte(field[0])))
		if got, err := lines.ReadString('\n'); err != nil || got != code([]byte(field[1]))+"\r\n" {
			return false
		}
	}
	return true
}

// answer says what is to be said to a line. "close" ends the connection, and "hang" says
// nothing.
func (p *post) answer(conn net.Conn, line, usual string) (goesOn bool) {
	answer := usual
	for begin, special := range p.answers {
		if strings.HasPrefix(line, begin) {
			answer = special
		}
	}
	switch answer {
	case "close":
		return false
	case "hang":
	default:
		fmt.Fprintf(conn, "%s\r\n", answer)
	}
	return true
}

func (p *post) keep(lines *bufio.Reader) {
	var mail strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		mail.WriteString(line)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, mail.String())
}

func (p *post) heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

func (p *post) subjects() (list []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, mail := range p.mails {
		_, rest, _ := strings.Cut(mail, "Subject: ")
		subject, _, _ := strings.Cut(rest, "\r\n")
		list = append(list, subject)
	}
	return list
}

// certify gives the server a certificate for a name, and returns who vouches for it.
func (p *post) certify(name string) *x509.CertPool {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		p.t.Fatal(err)
	}
	p.certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return pool
}
