package config

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// check writes a check, with every key of its kind that is not empty.
func (b *renderer) check(c *Check) {
	b.line("[[check]]\nname = %q\nweight = %d\nreverse = %v", c.Name, c.Weight, c.Reverse)
	b.look("check", c)
}

// look writes the keys that checks of servers have, too.
func (b *renderer) look(table string, c *Check) {
	b.line("kind = %q\ninterval = %q\nfast_interval = %q\ntimeout = %q\nwarmup = %q",
		c.Kind, c.Interval, c.FastInterval, c.Timeout, c.Warmup)
	b.line("rise = %d\nfall = %d", c.Rise, c.Fall)
	setText(b, "target", c.Target)
	set(b, "source", c.Network.Source)
	set(b, "interface", c.Network.Interface)
	set(b, "fwmark", c.Network.Mark)
	b.tls(c.TLS)
	if len(c.Payload.Send) > 0 {
		b.line("send_hex = %q", hex.EncodeToString(c.Payload.Send))
	}
	set(b, "answer", c.Payload.Answer)
	if c.Payload.MaxAnswer != nil {
		b.line("max_answer = %d", *c.Payload.MaxAnswer)
	}
	setText(b, "expect", c.Payload.Expect.Contains)
	b.pattern(c.Payload.Expect)
	if c.Kind == "dns" {
		b.dns(c.DNS)
	}
	set(b, "hello", c.SMTP.Hello)
	set(b, "starttls", c.SMTP.StartTLS)
	setText(b, "service", c.GRPC.Service)
	b.texts("argv", c.Script.Argv)
	set(b, "user", c.Script.User)
	set(b, "weighted", c.Script.Weighted)
	set(b, "pidfile", c.Process.PIDFile)
	setText(b, "command", c.Process.Command)
	set(b, "quorum", c.Process.Quorum)
	if c.Process.QuorumMax != nil {
		b.line("quorum_max = %d", *c.Process.QuorumMax)
	}
	set(b, "absent", c.File.Absent)
	set(b, "max_age", c.File.MaxAge)
	set(b, "number", c.File.Number)
	if c.File.Missing != nil {
		b.line("missing = %d", *c.File.Missing)
	}
	if c.Kind == "http" {
		b.http(table, c.HTTP)
	}
}

func (b *renderer) tls(t CheckTLS) {
	set(b, "tls", t.Enabled)
	set(b, "server_name", t.ServerName)
	set(b, "ca_file", t.CAFile)
	set(b, "cert_file", t.CertFile)
	set(b, "key_file", t.KeyFile)
	if t.Insecure {
		b.line("verify = false")
	}
	set(b, "expiry_warning", t.ExpiryWarning)
	set(b, "expiry_limit", t.ExpiryLimit)
}

func (b *renderer) pattern(p CheckPattern) {
	if len(p.Bytes) == 0 {
		return
	}
	bytes, mask := []byte(hex.EncodeToString(p.Bytes)), hex.EncodeToString(p.Mask)
	for i := range bytes {
		if mask[i] == '0' {
			bytes[i] = 'x'
		}
	}
	b.line("expect_hex = %q", bytes)
}

func (b *renderer) http(table string, h CheckHTTP) {
	setText(b, "connect", h.Connect)
	set(b, "host", h.Host)
	set(b, "protocol", h.Protocol)
	set(b, "method", h.Method)
	b.texts("headers", h.Headers)
	setText(b, "body", h.Body)
	set(b, "redirects", h.Redirect)
	b.answer(h.Answer)
	if h.Requests[0].URL == "" {
		return // it is the target
	}
	for _, r := range h.Requests {
		b.line("[[%s.url]]", table)
		setText(b, "url", r.URL)
		b.answer(r)
	}
}

func (b *renderer) answer(r CheckRequest) {
	var ranges []string
	for _, s := range r.Status {
		ranges = append(ranges, fmt.Sprintf("%d-%d", s.From, s.To))
	}
	b.texts("status", ranges)
	setText(b, "contains", r.Contains)
	setText(b, "matches", r.Matches)
	setText(b, "mismatch", r.Mismatch)
	set(b, "digest", r.Digest)
	setText(b, "json_path", r.JSONPath)
	setText(b, "json_value", r.JSONValue)
}

func (b *renderer) dns(q CheckDNS) {
	setText(b, "query", q.Query)
	set(b, "type", q.Type)
	b.texts("answers", q.Answers)
	set(b, "rcode", q.RCode)
	if q.TCP {
		b.line(`transport = "tcp"`)
	}
}

func (b *renderer) tracks(tracks []Track) {
	b.line("track = [")
	for _, t := range tracks {
		b.line("{check = %q, weight = %d, reverse = %v},", t.Check, t.Weight, t.Reverse)
	}
	b.line("]")
}

func (b *renderer) texts(key string, list []string) {
	if len(list) == 0 {
		return
	}
	b.line("%s = [", key)
	for _, s := range list {
		b.line("%s,", quote(s))
	}
	b.line("]")
}

// setText writes a key with any text, unless it is empty.
func setText(b *renderer, key, s string) {
	if s != "" {
		b.line("%s = %s", key, quote(s))
	}
}

// quote returns a text as TOML has it; %q has escapes of its own for control characters.
func quote(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}
