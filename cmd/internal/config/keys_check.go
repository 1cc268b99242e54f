package config

import (
	"math"
	"slices"
	"strings"
	"time"
)

// The limits of when a check looks, and of what it may be made to wait for.
const (
	minCheckInterval = 10 * time.Millisecond
	maxCheckInterval = time.Hour
	minCheckTimeout  = time.Millisecond
	maxCheckTimeout  = 10 * time.Minute
	maxInRow         = 1000 // looks
	maxWeight        = 253  // between the priorities 1 and 254
	minAge           = 100 * time.Millisecond
	maxAge           = 8760 * time.Hour
	maxQuorum        = 1024 // processes that one check follows
)

// The kinds that have something in common.
const (
	kindsTarget  = "tcp udp http dns smtp grpc tls icmp gateway interface unit file process bgp"
	kindsNetwork = "tcp udp http dns smtp grpc tls icmp gateway"
	kindsTLS     = "tls http tcp smtp grpc dns"
)

func checkKinds() []string { return strings.Fields(kindsTarget + " script") }

func checkKeys(c *Check) []key {
	return slices.Concat(
		[]key{required("name", text(&c.Name, nameRule, parseName))},
		kindKeys(c),
		scheduleKeys(c),
		[]key{
			optional("weight", integer(&c.Weight, -maxWeight, maxWeight)),
			optional("reverse", boolean(&c.Reverse)),
		},
	)
}

// scheduleKeys say when to look, and how many looks make a verdict. Their defaults are in
// settleCheck.
func scheduleKeys(c *Check) []key {
	return []key{
		optional("interval", duration(&c.Interval, minCheckInterval, maxCheckInterval)),
		optional("fast_interval", duration(&c.FastInterval, minCheckInterval, maxCheckInterval)),
		optional("timeout", duration(&c.Timeout, minCheckTimeout, maxCheckTimeout)),
		optional("warmup", duration(&c.Warmup, 0, maxCheckInterval)),
		optional("rise", integer(&c.Rise, 1, maxInRow)),
		optional("fall", integer(&c.Fall, 1, maxInRow)),
	}
}

// kindKeys say what to look at. Which of them a kind has is checked by checkKindKeys.
func kindKeys(c *Check) []key {
	return slices.Concat(
		[]key{required("kind", words(&c.Kind, checkKinds()...))},
		only(kindsTarget, optional("target", text(&c.Target, targetRule, parseText))),
		only(kindsNetwork, networkKeys(&c.Network)...),
		only("tcp smtp grpc dns", optional("tls", boolean(&c.TLS.Enabled))),
		only(kindsTLS, tlsKeys(&c.TLS)...),
		only("tcp udp", payloadKeys(&c.Payload)...),
		only("udp",
			optional("answer", boolean(&c.Payload.Answer)),
			optional("max_answer", pointer(&c.Payload.MaxAnswer, func(n *int) reader { return integer(n, 0, maxPayload) }))),
		only("http", httpKeys(&c.HTTP)...),
		only("dns", dnsKeys(&c.DNS)...),
		only("smtp",
			optional("hello", text(&c.SMTP.Hello, hostRule, parseHost)),
			optional("starttls", boolean(&c.SMTP.StartTLS))),
		only("grpc", optional("service", text(&c.GRPC.Service, lineRule, parseLine))),
		only("script", scriptKeys(&c.Script)...),
		only("process", processKeys(&c.Process)...),
		only("file", fileKeys(&c.File)...),
	)
}

// only makes the keys those of certain kinds, which are separated by spaces.
func only(kinds string, keys ...key) []key {
	for i := range keys {
		keys[i].kinds = strings.Fields(kinds)
	}
	return keys
}

func networkKeys(n *CheckNetwork) []key {
	return []key{
		optional("source", text(&n.Source, addressRule, parseSource)),
		optional("interface", text(&n.Interface, interfaceRule, parseInterface)),
		optional("fwmark", integer(&n.Mark, 1, math.MaxUint32)),
	}
}

func tlsKeys(t *CheckTLS) []key {
	return []key{
		optional("server_name", text(&t.ServerName, hostRule, parseHost)),
		optional("ca_file", text(&t.CAFile, pathRule, parsePath)),
		optional("cert_file", text(&t.CertFile, pathRule, parsePath)),
		optional("key_file", text(&t.KeyFile, pathRule, parsePath)),
		optional("verify", negation(&t.Insecure)),
		optional("expiry_warning", duration(&t.ExpiryWarning, 0, maxAge)),
		optional("expiry_limit", duration(&t.ExpiryLimit, 0, maxAge)),
	}
}

func payloadKeys(p *CheckPayload) []key {
	return []key{
		optional("send", concealed(text(&p.Send, payloadRule, parsePayload))),
		optional("send_hex", concealed(text(&p.Send, hexRule, parseHex))),
		optional("expect", text(&p.Expect.Contains, payloadRule, parseText)),
		optional("expect_hex", text(&p.Expect, patternRule, parsePattern)),
	}
}

func httpKeys(h *CheckHTTP) []key {
	return append([]key{
		optional("connect", text(&h.Connect, hostPortRule, parseHostPort)),
		optional("host", text(&h.Host, serverRule, parseServer)),
		optional("protocol", choice(&h.Protocol,
			option[string]{"auto", ""},
			option[string]{"http/1.1", "http/1.1"},
			option[string]{"h2", "h2"})),
		optional("method", text(&h.Method, methodRule, parseMethod)),
		optional("headers", concealed(texts(&h.Headers, headersRule, headerRule, parseHeader))),
		optional("body", concealed(text(&h.Body, payloadRule, parseText))),
		optional("redirects", boolean(&h.Redirect)),
		optional("url", list(&h.Requests, requestsRule, request)),
	}, answerKeys(&h.Answer)...)
}

// request reads a URL, or a table with more than that.
func request(r *CheckRequest) reader {
	return textOrTable(text(&r.URL, referenceRule, parseReference), table(r, requestKeys), requestRule)
}

func requestKeys(r *CheckRequest) []key {
	return append([]key{required("url", text(&r.URL, referenceRule, parseReference))}, answerKeys(r)...)
}

func answerKeys(r *CheckRequest) []key {
	return []key{
		optional("status", list(&r.Status, statusesRule, status)),
		optional("contains", text(&r.Contains, payloadRule, parseText)),
		optional("matches", text(&r.Matches, regexpRule, parseRegexp)),
		optional("mismatch", text(&r.Mismatch, regexpRule, parseRegexp)),
		optional("digest", text(&r.Digest, digestRule, parseDigest)),
		optional("json_path", text(&r.JSONPath, jsonPathRule, parseJSONPath)),
		optional("json_value", text(&r.JSONValue, payloadRule, parseText)),
	}
}

// status reads a status code, or a range of them.
func status(s *CheckRange) reader {
	one, some := integer(&s.From, minStatus, maxStatus), text(s, statusRule, parseStatus)
	return reader{allowed: statusRule, read: func(d *decoder, v *value) {
		switch v.kind {
		case kindInteger:
			one.read(d, v)
			s.To = s.From
		case kindString:
			some.read(d, v)
		default:
			d.wrongType(v, "an integer or a string", statusRule)
		}
	}}
}

func dnsKeys(q *CheckDNS) []key {
	return []key{
		optional("query", text(&q.Query, queryRule, parseQuery)),
		optional("type", words(&q.Type, dnsTypes()...)),
		optional("answers", texts(&q.Answers, answersRule, lineRule, parseLine)),
		optional("rcode", words(&q.RCode, dnsRCodes()...)),
		optional("transport", choice(&q.TCP, option[bool]{"udp", false}, option[bool]{"tcp", true})),
	}
}

func dnsTypes() []string {
	return strings.Fields("A AAAA ANY CAA CNAME DNSKEY DS HTTPS MX NAPTR NS PTR RRSIG SOA SRV SVCB TLSA TXT")
}

func dnsRCodes() []string {
	return strings.Fields("NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE")
}

func scriptKeys(s *CheckScript) []key {
	return []key{
		optional("argv", texts(&s.Argv, argvRule, argumentRule, parseArgument)),
		optional("user", text(&s.User, userRule, parseUser)),
		optional("weighted", boolean(&s.Weighted)),
	}
}

func processKeys(p *CheckProcess) []key {
	return []key{
		optional("pidfile", text(&p.PIDFile, pathRule, parsePath)),
		optional("command", text(&p.Command, lineRule, parseLine)),
		optional("quorum", integer(&p.Quorum, 1, maxQuorum)),
		optional("quorum_max", pointer(&p.QuorumMax, func(n *int) reader { return integer(n, 0, maxQuorum) })),
	}
}

func fileKeys(f *CheckFile) []key {
	return []key{
		optional("absent", boolean(&f.Absent)),
		optional("max_age", duration(&f.MaxAge, minAge, maxAge)),
		optional("number", boolean(&f.Number)),
		optional("missing", pointer(&f.Missing, func(n *int) reader { return integer(n, -maxServerWeight, maxServerWeight) })),
	}
}

// tracks reads a list of checks that count for something.
func tracks(dst *[]Track) reader { return list(dst, tracksRule, track) }

// track reads the name of a check, or a table with more than that.
func track(t *Track) reader {
	return textOrTable(text(&t.Check, nameRule, parseName), table(t, trackKeys), trackRule)
}

func trackKeys(t *Track) []key {
	return []key{
		required("check", text(&t.Check, nameRule, parseName)),
		optional("weight", integer(&t.Weight, -maxWeight, maxWeight)),
		optional("reverse", boolean(&t.Reverse)),
	}
}
