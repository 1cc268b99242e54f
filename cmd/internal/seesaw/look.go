package seesaw

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// longestPattern is the longest regular expression in bytes that package config allows.
const longestPattern = 1000

// writeTLS writes that TLS is spoken. Seesaw wants a certificate for the backend's address, as
// perch does.
func (c check) writeTLS() {
	c.set("tls", document.Flag(true), "type")
	if !c.GetTlsVerify() {
		c.set("verify", document.Flag(false), "tls_verify")
	}
}

// writeSend writes what is sent.
func (c check) writeSend(text string) {
	switch {
	case text == "":
	case utf8.ValidString(text):
		c.set("send", document.Text(text), "send")
	default:
		c.set("send_hex", document.Text(spaced(text)), "send")
	}
}

// writeReceive writes what must come first.
func (c check) writeReceive(text string) {
	if text == "" {
		return
	}
	key := c.set("expect_hex", document.Text(spaced(text)), "receive")
	if readable(text) {
		key.Remark = fmt.Sprintf("%q", text)
	}
}

func readable(text string) bool {
	return utf8.ValidString(text) && strings.ContainsFunc(text, unicode.IsPrint)
}

// spaced returns bytes in hexadecimal, as "2b 50".
func spaced(text string) string {
	pairs := make([]string, len(text))
	for i := range len(text) {
		pairs[i] = hex.EncodeToString([]byte{text[i]})
	}
	return strings.Join(pairs, " ")
}

// writeUDPAnswer writes that an answer must come: Seesaw waits for one, whatever it is.
func (c check) writeUDPAnswer() {
	if c.GetReceive() == "" {
		c.set("answer", document.Flag(true), "receive")
	}
	c.writeReceive(c.GetReceive())
}

// writeDNS writes a question and its answer. Seesaw understands answers of two types only.
func (c check) writeDNS() {
	kind := strings.ToUpper(c.GetMethod())
	if kind != "A" && kind != "AAAA" {
		c.im.wrong(c.field.at("method"), fmt.Sprintf("method: %q must be a or aaaa: of other types Seesaw finds no answer right", c.GetMethod()))
		return
	}
	a, err := netip.ParseAddr(c.GetReceive())
	if err != nil || a.Is4() != (kind == "A") {
		c.im.wrong(c.field.at("receive"), fmt.Sprintf("receive: %q must be the address that answers a question of type %s", c.GetReceive(), strings.ToLower(kind)))
		return
	}
	query := strings.TrimSuffix(c.GetSend(), ".")
	if query == "" {
		query = "."
	}
	c.set("query", document.Text(query), "send")
	c.set("type", document.Text(kind), "method")
	at := c.im.from(c.field.at("receive"))
	c.set("answers", document.Texts([]string{a.String()}, at), "receive")
}

// request reads what an HTTP check asks for: a path, or a URL with a host.
func (c check) request() (u *url.URL, ok bool) {
	text := c.GetSend()
	if text == "" {
		text = "/"
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		c.im.wrong(c.field.at("send"), fmt.Sprintf("send: %q must be a path, such as \"/healthz\", or a URL", text))
		return nil, false
	}
	u.Scheme = "http"
	if c.GetType() == pb.Healthcheck_HTTPS {
		u.Scheme = "https"
	}
	return u, true
}

// status returns which status the answer must have.
func (c check) status() int32 {
	if code := c.GetCode(); code != 0 {
		return code
	}
	return 200
}

// writeHTTP writes a request and its answer.
func (c check) writeHTTP() {
	u, ok := c.request()
	if !ok {
		return
	}
	if u.Host != "" && c.GetMode() == pb.Healthcheck_PLAIN {
		c.lose("send", fmt.Sprintf("asks %s itself, and not the backend, so that all backends live or die together", u.Host), "perch asks each server for it")
	}
	if c.GetType() == pb.Healthcheck_HTTPS {
		c.writeTLS()
	}
	if u.Host != "" {
		c.set("host", document.Text(u.Host), "send")
	}
	if m := c.GetMethod(); m != "" && m != "GET" {
		c.set("method", document.Text(m), "method")
	}
	at := c.im.from(c.field.at("send"))
	c.set("url", document.Texts([]string{path(u)}, at), "send")
	at = c.im.from(c.field.at("code"))
	c.set("status", document.List(document.Item{Value: document.Number(int(c.status())), Place: at}), "code")
	c.writeBody(c.GetReceive())
}

// path returns the path of a URL with its query.
func path(u *url.URL) string {
	p := u.EscapedPath()
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	if u.RawQuery != "" {
		p += "?" + u.RawQuery
	}
	return p
}

// writeBody writes what a body must begin with.
func (c check) writeBody(text string) {
	pattern := `\A` + regexp.QuoteMeta(text)
	switch {
	case text == "":
	case !utf8.ValidString(text):
		c.lose("receive", "wants a body that begins with these bytes", "perch looks for text only: have the service answer text")
	case len(pattern) > longestPattern:
		c.set("contains", document.Text(text), "receive")
		c.im.note(c.field.at("receive"), "receive", "Seesaw wants it at the beginning of the body; here it may be anywhere in it")
	default:
		c.set("matches", document.Text(pattern), "receive")
	}
}

// writeProxy writes a request to an HTTP proxy, which has the whole URL in its first line: as
// text, since perch's kind http asks no proxies.
func (c check) writeProxy() {
	u, ok := c.request()
	switch {
	case !ok:
		return
	case u.Host == "":
		c.im.wrong(c.field.at("send"), fmt.Sprintf("send: %q must be a URL with a host, which a proxy is asked for", c.GetSend()))
		return
	case c.GetType() == pb.Healthcheck_HTTPS:
		c.lose("proxy", "asks a proxy for a tunnel by TLS", "perch only has it shake hands by TLS")
		c.writeTLS()
		return
	}
	method := c.GetMethod()
	if method == "" {
		method = "GET"
	}
	c.writeSend(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, u, u.Host))
	c.set("expect", document.Text(fmt.Sprintf(" %d ", c.status())), "code")
	if c.GetReceive() != "" {
		c.lose("receive", "wants a body that begins so", "perch looks at the proxy's status only")
	}
}
