package keepalived

import (
	"fmt"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// what returns the keys of a checker's own kind.
func (im *importer) what(c *checker) (l settings) {
	kind := func(name string) { l.add("kind", document.Text(name), nil) }
	switch c.kind {
	case "TCP_CHECK":
		kind("tcp")
	case "PING_CHECK":
		kind("icmp")
	case "DNS_CHECK":
		kind("dns")
		if c.query.is(".") != "." && c.query.value != "" {
			l.add("query", document.Text(c.query.value), c.query.by)
		}
		if c.record.is("SOA") != "SOA" {
			l.add("type", document.Text(c.record.value), c.record.by)
		}
	case "UDP_CHECK":
		kind("udp")
		l = append(l, im.udp(c)...)
	case "MISC_CHECK":
		kind("script")
		l.add("argv", document.Texts(c.script.value.argv, place(c.script.by)), c.script.by)
		if user := c.scriptUser.or(im.routing.globals.scriptUser); user.given() {
			l.add("user", document.Text(user.value), user.by)
		} else {
			im.ownUser(c.script.by)
		}
		if c.dynamic.value {
			l.add("weighted", document.Flag(true), c.dynamic.by)
		}
	}
	return l
}

// fileCheck returns the keys of a number that is added to a server's weight. The file tells of
// itself when there is another one.
func (im *importer) fileCheck(c *checker) settings {
	w := c.fileWeight.or(said[weight]{c.watch.weight, c.watch.weight.by})
	l := c.watch.file.settings()
	n := min(max(w.value.value, -mostWeight), mostWeight)
	if n != w.value.value {
		im.remark(w.by, fmt.Sprintf("becomes %d, since perch takes -%d to %d", n, mostWeight, mostWeight))
	}
	l.add("weight", document.Number(n), w.by)
	if w.value.reverse {
		l.add("reverse", document.Flag(true), w.by)
	}
	return l
}

// usualHello is by which name keepalived says HELO where it has none.
const usualHello = "smtpchecker.keepalived.org"

func (c *checker) smtp() (l settings) {
	l.add("kind", document.Text("smtp"), nil)
	l.add("hello", document.Text(c.hello.is(usualHello)), c.hello.by)
	return l
}

// How long an answer may be where it has to begin with some bytes and nothing is said, and
// the most that a packet holds.
const (
	usualReply = 255
	mostReply  = 65507
)

// udp returns what is sent, and what must come: so many bytes at least, of which the first
// are these, and so many at most.
func (im *importer) udp(c *checker) (l settings) {
	if c.payload.given() {
		l.add("send_hex", document.Text(c.payload.value), c.payload.by)
	}
	if c.reply.value == "" {
		for _, length := range []said[int]{c.minReply, c.maxReply} {
			if length.given() {
				im.remark(length.by, "counts for nothing, as there are no bytes behind require_reply: it is left out")
			}
		}
		if c.reply.given() {
			l.add("answer", document.Flag(true), c.reply.by)
		}
		return l
	}
	reply := strings.Fields(c.reply.value)
	for len(reply) < min(c.minReply.value, mostReply) {
		reply = append(reply, "xx")
	}
	l.add("expect_hex", document.Text(strings.Join(reply, " ")), c.reply.by)
	l.add("max_answer", document.Number(min(c.maxReply.is(usualReply), mostReply)), c.maxReply.by)
	return l
}
