package keepalived

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// readChecker reads a checker of a real server.
func readChecker(im *importer, s *syntax.Statement, r *realServer) {
	c := &checker{by: s, kind: s.Keyword()}
	readBlock(im, "a "+c.kind, im.block(s), im.serverWords().checkers[c.kind], c)
	switch {
	case !s.Braces:
		return
	case (c.kind == "HTTP_GET" || c.kind == "SSL_GET") && !says(s, "url"):
		im.wrong(s, "has no url")
	case c.kind == "MISC_CHECK" && !says(s, "misc_path"):
		im.wrong(s, "has no misc_path")
	case c.kind == "FILE_CHECK" && !says(s, "track_file"):
		im.wrong(s, "has no track_file")
	}
	r.checkers = append(r.checkers, c)
}

// checkerWords are the words of each kind of checker that perch has an equivalent for.
func checkerWords() map[string]vocabulary[*checker] {
	type c = *checker
	looks := lookWords(func(c c) *schedule { return &c.schedule })
	script := joined(looks, miscWords())
	delete(script, "connect_timeout")
	looks = joined(looks, connectionWords(func(c c) *connection { return &c.connection }))
	http := joined(looks, httpWords())
	return map[string]vocabulary[c]{
		"HTTP_GET":   http,
		"SSL_GET":    http,
		"TCP_CHECK":  looks,
		"PING_CHECK": looks,
		"SMTP_CHECK": joined(looks, smtpWords()),
		"DNS_CHECK":  joined(looks, dnsWords()),
		"UDP_CHECK":  joined(looks, udpWords()),
		"MISC_CHECK": script,
		"FILE_CHECK": fileCheckWords(),
	}
}

// lookWords are the words for when a checker looks.
func lookWords[T any](of func(T) *schedule) vocabulary[T] {
	v := scheduleWords(of)
	v["retry"] = keepRetries(0, func(t T) *said[int] { return &of(t).retry })
	v["log_all_failures"] = lostFlag[T]("logs each failed look", everyLook)
	return v
}

// connectionWords are the words for where packets of a checker go, and from where.
func connectionWords[T any](of func(T) *connection) vocabulary[T] {
	return vocabulary[T]{
		"connect_ip":   keepIP(func(t T) *said[netip.Addr] { return &of(t).ip }),
		"connect_port": keepNumber(1, math.MaxUint16, func(t T) *said[int] { return &of(t).port }),
		"bindto":       keepIP(func(t T) *said[netip.Addr] { return &of(t).source }),
		"bind_port": lost[T]("looks from this port",
			"with one port for all looks the next one would have to wait until the kernel has forgotten the last: let a firewall know perch by source or fwmark"),
		"bind_if":         keepText(func(t T) *said[string] { return &of(t).iface }),
		"connect_timeout": keepFitting(time.Millisecond, mostTimeout, func(t T) *said[time.Duration] { return &of(t).timeout }),
		"fwmark":          keepNumber(0, math.MaxUint32, func(t T) *said[int] { return &of(t).mark }),
	}
}

// keepIP is a keyword with an IP address.
func keepIP[T any](at func(T) *said[netip.Addr]) word[T] {
	return means(func(im *importer, s *syntax.Statement, into T) {
		arg, ok := im.one(s)
		if !ok {
			return
		}
		a, err := netip.ParseAddr(arg)
		if err != nil || a.Zone() != "" {
			im.wrong(s, fmt.Sprintf("%q is no IP address", arg))
			return
		}
		keep(im, at(into), a, s)
	})
}

func smtpWords() vocabulary[*checker] {
	return vocabulary[*checker]{
		"helo_name": keepText(func(c *checker) *said[string] { return &c.hello }),
		"host": opens(func(im *importer, s *syntax.Statement, c *checker) {
			h := &smtpHost{connection: connection{by: s}, of: c}
			readBlock(im, "a host", im.block(s), im.serverWords().host, h)
			c.hosts = append(c.hosts, &h.connection)
		}),
	}
}

// smtpHost is a host of an SMTP_CHECK: what it says beside the connection counts for all of that.
type smtpHost struct {
	connection
	of *checker
}

func hostWords() vocabulary[*smtpHost] {
	v := lookWords(func(h *smtpHost) *schedule { return &h.of.schedule })
	v.add(connectionWords(func(h *smtpHost) *connection { return &h.connection }))
	return v
}

func dnsWords() vocabulary[*checker] {
	return vocabulary[*checker]{
		"name": keepText(func(c *checker) *said[string] { return &c.query }),
		"type": means(func(im *importer, s *syntax.Statement, c *checker) {
			arg, ok := im.one(s)
			switch record := strings.ToUpper(arg); {
			case !ok:
			case slices.Contains(strings.Fields("A NS CNAME SOA MX TXT AAAA"), record):
				keep(im, &c.record, record, s)
			default:
				im.wrong(s, fmt.Sprintf("%q must be A, NS, CNAME, SOA, MX, TXT or AAAA", arg))
			}
		}),
	}
}

func miscWords() vocabulary[*checker] {
	return vocabulary[*checker]{
		"misc_path": means(func(im *importer, s *syntax.Statement, c *checker) {
			argv, rest, ok := im.program(s)
			if ok && len(rest) > 0 {
				im.behindProgram(s, rest[0])
				ok = false
			}
			if ok {
				im.replaced(c.script.by, s)
				c.script = said[program]{program{argv: argv}, s}
			}
		}),
		"misc_timeout": means(func(im *importer, s *syntax.Statement, c *checker) {
			n, ok := im.number(s, 0, math.MaxInt32)
			if d := time.Duration(n) * time.Second; ok {
				if d > mostTimeout {
					im.remark(s, fmt.Sprintf("becomes %v, the most that perch takes", mostTimeout.Seconds()))
				}
				keep(im, &c.scriptTimeout, min(d, mostTimeout), s)
			}
		}),
		"misc_dynamic": keepSwitch(func(c *checker) *said[bool] { return &c.dynamic }),
		"user": means(func(im *importer, s *syntax.Statement, c *checker) {
			if user, ok := im.runner(s, s.Args()); ok {
				keep(im, &c.scriptUser, user, s)
			}
		}),
	}
}

func fileCheckWords() vocabulary[*checker] {
	return vocabulary[*checker]{
		"track_file": keepText(func(c *checker) *said[string] { return &c.file }),
		"weight": means(func(im *importer, s *syntax.Statement, c *checker) {
			c.fileWeight = said[weight]{im.weight(s, math.MaxInt32, c.fileWeight.value), s}
		}),
	}
}

func udpWords() vocabulary[*checker] {
	return vocabulary[*checker]{
		"payload":          means(func(im *importer, s *syntax.Statement, c *checker) { im.readHex(s, &c.payload, "") }),
		"require_reply":    means(func(im *importer, s *syntax.Statement, c *checker) { im.readHex(s, &c.reply, "xX") }),
		"min_reply_length": keepNumber(0, math.MaxUint16, func(c *checker) *said[int] { return &c.minReply }),
		"max_reply_length": keepNumber(0, math.MaxUint16, func(c *checker) *said[int] { return &c.maxReply }),
	}
}

// readHex reads words of hexadecimal digits, each two of which are a byte, as is one that is
// left at the end of a word.
func (im *importer) readHex(s *syntax.Statement, into *said[string], unknown string) {
	if len(s.Args()) == 0 && unknown == "" {
		im.wrong(s, "missing; must have bytes in hexadecimal")
		return
	}
	var bytes []string
	for _, word := range strings.Fields(strings.Join(s.Args(), " ")) {
		if strings.Trim(word, "0123456789abcdefABCDEF"+unknown) != "" {
			im.wrong(s, fmt.Sprintf("%q must be hexadecimal digits", word))
			return
		}
		for ; len(word) > 1; word = word[2:] {
			bytes = append(bytes, strings.ToLower(word[:2]))
		}
		if word != "" {
			bytes = append(bytes, "0"+strings.ToLower(word))
		}
	}
	keep(im, into, strings.Join(bytes, " "), s)
}
