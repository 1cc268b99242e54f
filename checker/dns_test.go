package checker

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsReply answers a query with some records, after change has had its way with it.
func dnsReply(t testing.TB, query []byte, change func(*dnsmessage.Message), records ...dnsmessage.ResourceBody) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		t.Errorf("query: %v", err)
		return nil
	}
	m.Response = true
	for _, body := range records {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{
			Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60,
		}, Body: body})
	}
	if change != nil {
		change(&m)
	}
	packed, err := m.Pack()
	if err != nil {
		t.Errorf("reply: %v", err)
	}
	return packed
}

func dnsName(name string) dnsmessage.Name { return dnsmessage.MustNewName(name) }

// dnsRecords are records of each type that can be compared.
func dnsRecords() map[string][]dnsmessage.ResourceBody {
	return map[string][]dnsmessage.ResourceBody{
		"A":     {&dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}}},
		"AAAA":  {&dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}}},
		"NS":    {&dnsmessage.NSResource{NS: dnsName("NS1.Example.com.")}},
		"CNAME": {&dnsmessage.CNAMEResource{CNAME: dnsName("www.example.com.")}},
		"PTR":   {&dnsmessage.PTRResource{PTR: dnsName("host.example.com.")}},
		"MX":    {&dnsmessage.MXResource{Pref: 10, MX: dnsName("mail.example.com.")}, &dnsmessage.MXResource{MX: dnsName(".")}},
		"SRV":   {&dnsmessage.SRVResource{Priority: 1, Weight: 2, Port: 443, Target: dnsName("a.example.com.")}},
		"TXT":   {&dnsmessage.TXTResource{TXT: []string{"v=spf1 ", "-all"}}},
		"SOA": {&dnsmessage.SOAResource{
			NS: dnsName("ns.example.com."), MBox: dnsName("root.example.com."),
			Serial: 2026010101, Refresh: 7200, Retry: 3600, Expire: 1209600, MinTTL: 300,
		}},
		"CAA":  {&dnsmessage.UnknownResource{Type: typeCAA, Data: []byte("\x00\x05issueca.example; a=b")}},
		"TLSA": {&dnsmessage.UnknownResource{Type: 52, Data: []byte("\x03\x01\x01abc")}},
	}
}

func TestDNSAnswers(t *testing.T) {
	tests := []struct {
		kind    string
		answers []string
		want    string
	}{
		{"A", []string{"192.0.2.2", "192.0.2.1", "192.0.2.1"}, ""},
		{"A", []string{"192.0.2.1", "192.0.2.3"}, "192.0.2.3 is not among the answers: 192.0.2.1, 192.0.2.2"},
		{"aaaa", []string{"2001:DB8:0:0::1"}, ""},
		{"AAAA", []string{"2001:db8::2"}, "2001:db8::2 is not among the answers: 2001:db8::1"},
		{"NS", []string{"ns1.example.COM"}, ""},
		{"CNAME", []string{"www.example.com."}, ""},
		{"PTR", []string{"HOST.example.com"}, ""},
		{"MX", []string{"10  mail.example.com.", "0 ."}, ""},
		{"MX", []string{"20 mail.example.com"}, "20 mail.example.com is not among the answers: 10 mail.example.com, 0 ."},
		{"SRV", []string{"1 2 443 A.example.com"}, ""},
		{"TXT", []string{`"v=spf1 " "-all"`, "v=spf1 -all"}, ""},
		{"TXT", []string{"V=spf1 -all"}, "V=spf1 -all is not among the answers: v=spf1 -all"},
		{"SOA", []string{"ns.example.com. root.example.com. 2026010101 7200 3600 1209600 300"}, ""},
		{"CAA", []string{`0 ISSUE "ca.example; a=b"`}, ""},
		{"CAA", []string{`128 issue "ca.example"`}, "128 issue ca.example is not among the answers: 0 issue ca.example; a=b"},
		{"TLSA", nil, ""},
		{"TYPE257", []string{"0 issue ca.example; a=b"}, ""},
		{"ANY", nil, ""},
		{"", nil, ""},
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		target := packetServer(t, host, func(query []byte) [][]byte {
			var p dnsmessage.Parser
			p.Start(query)
			q, _ := p.Question()
			for name, records := range dnsRecords() {
				if kind, _ := dnsType(name); kind == q.Type {
					return [][]byte{dnsReply(t, query, nil, records...)}
				}
			}
			return [][]byte{dnsReply(t, query, nil)}
		})
		for _, test := range tests {
			t.Run(host+"/"+test.kind+"/"+strings.Join(test.answers, ","), func(t *testing.T) {
				spec := Spec{Kind: "dns", Target: target, DNS: DNS{Query: "Example.com", Type: test.kind, Answers: test.answers}}
				if got := lookOnce(t, spec, enough); got != test.want {
					t.Errorf("reason\n%s\nwant\n%s", got, test.want)
				}
			})
		}
	}
}

// The default is the question of keepalived's DNS_CHECK.
func TestDNSDefault(t *testing.T) {
	queries := make(chan []byte, 1)
	target := packetServer(t, "127.0.0.1", func(query []byte) [][]byte {
		queries <- slices.Clone(query)
		return [][]byte{dnsReply(t, query, nil)}
	})
	if got := lookOnce(t, Spec{Kind: "dns", Target: target}, enough); got != "" {
		t.Fatal(got)
	}
	query := <-queries
	// RFC 1035, section 4.1: flags with RD, one question, the root, SOA, IN.
	want := []byte{1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1}
	if !bytes.Equal(query[2:], want) {
		t.Errorf("query % x, want % x", query[2:], want)
	}
}

func TestDNSReplies(t *testing.T) {
	one := dnsRecords()["A"][0]
	wantsOne := DNS{Query: "example.com", Type: "A", Answers: []string{"192.0.2.1"}}
	rcode := func(code dnsmessage.RCode) func(*dnsmessage.Message) {
		return func(m *dnsmessage.Message) { m.RCode = code }
	}
	reply := func(change func(*dnsmessage.Message)) func([]byte) [][]byte {
		return func(query []byte) [][]byte { return [][]byte{dnsReply(t, query, change, one)} }
	}
	// mangled answers with bytes behind the question, of which there are count answers.
	mangled := func(count byte, bytes string) func([]byte) [][]byte {
		return func(query []byte) [][]byte {
			m := append(slices.Clone(query), bytes...)
			m[2] |= 0x80
			m[7] = count
			return [][]byte{m}
		}
	}
	before := func(bad func(*dnsmessage.Message)) func([]byte) [][]byte {
		return func(query []byte) [][]byte {
			return [][]byte{dnsReply(t, query, bad), {}, []byte("x"), query, dnsReply(t, query, nil, one)}
		}
	}
	tests := []struct {
		name    string
		dns     DNS
		serve   func([]byte) [][]byte
		timeout time.Duration
		want    string
	}{
		{"as wanted", wantsOne, reply(nil), enough, ""},
		{"NXDOMAIN", wantsOne, reply(rcode(3)), enough, "NXDOMAIN, wanted NOERROR"},
		{"NXDOMAIN wanted", DNS{Query: "no.example", RCode: "nxdomain"}, reply(rcode(3)), enough, ""},
		{"NXDOMAIN wanted, NOERROR came", DNS{Query: "no.example", RCode: "nxdomain"}, reply(nil), enough, "NOERROR, wanted NXDOMAIN"},
		{"SERVFAIL", DNS{}, reply(rcode(2)), enough, "SERVFAIL, wanted NOERROR"},
		{"an unknown code", DNS{}, reply(rcode(13)), enough, "RCODE13, wanted NOERROR"},
		{"truncated, but only the code counts", DNS{}, reply(func(m *dnsmessage.Message) { m.Truncated = true }), enough, ""},
		{"truncated, and no TCP", wantsOne, reply(func(m *dnsmessage.Message) { m.Truncated = true }), enough, "the answer does not fit UDP, and over TCP: connection refused"},
		{"no answers", wantsOne, reply(func(m *dnsmessage.Message) { m.Answers = nil }), enough, "192.0.2.1 is not among the answers"},
		{"no answers, none wanted", DNS{}, reply(func(m *dnsmessage.Message) { m.Answers = nil }), enough, ""},
		{"answers of another type", wantsOne, func(q []byte) [][]byte {
			return [][]byte{dnsReply(t, q, nil, dnsRecords()["CNAME"][0], one)}
		}, enough, ""},
		{"after another ID", wantsOne, before(func(m *dnsmessage.Message) { m.ID++ }), enough, ""},
		{"after another name", wantsOne, before(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsName("example.net.") }), enough, ""},
		{"after another type", wantsOne, before(func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeMX }), enough, ""},
		{"after no question", wantsOne, before(func(m *dnsmessage.Message) { m.Questions = nil }), enough, ""},
		{"an error without a question", wantsOne, reply(func(m *dnsmessage.Message) { m.Questions, m.Answers, m.RCode = nil, nil, 1 }), enough, "FORMERR, wanted NOERROR"},
		{"another ID alone", wantsOne, reply(func(m *dnsmessage.Message) { m.ID++ }), soonOver, "no answer within 300ms, after 1 messages that answer another question"},
		{"a flood of other IDs", wantsOne, func(query []byte) [][]byte {
			return slices.Repeat([][]byte{dnsReply(t, query, func(m *dnsmessage.Message) { m.ID++ }, one)}, 20000)
		}, soonOver, "no answer within 300ms, after * messages that answer another question"},
		{"nothing", wantsOne, func([]byte) [][]byte { return nil }, soonOver, "no answer within 300ms"},
		{"the query", wantsOne, func(q []byte) [][]byte { return [][]byte{q} }, soonOver, "no answer within 300ms, after 1 messages that answer another question"},
		{"a name that points to itself", wantsOne, mangled(1, "\xc0\x1d\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04"), enough, "malformed answer"},
		{"a name behind the end", wantsOne, mangled(1, "\xff\xff\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04"), enough, "malformed answer"},
		{"fewer answers than said", wantsOne, mangled(255, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04"), enough, "malformed answer"},
		{"an address of 3 bytes", wantsOne, mangled(1, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x03\x01\x02\x03"), enough, "malformed answer"},
		{"a record behind the end", wantsOne, mangled(2, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\xff\xff\x01\x02\x03\x04"), enough, "malformed answer"},
		{"CAA of one byte", DNS{Type: "CAA", Answers: []string{"0 issue ca"}}, mangled(1, "\x00\x01\x01\x00\x01\x00\x00\x00\x00\x00\x01\x00"), enough, "0 issue ca is not among the answers: "},
		{"CAA with a long tag", DNS{Type: "CAA", Answers: []string{"0 issue ca"}}, mangled(1, "\x00\x01\x01\x00\x01\x00\x00\x00\x00\x00\x03\x00\xffx"), enough, "0 issue ca is not among the answers: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			spec := Spec{Kind: "dns", Target: packetServer(t, "127.0.0.1", test.serve), DNS: test.dns}
			if got := lookOnce(t, spec, test.timeout); !isLike(got, test.want) {
				t.Errorf("reason\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// frame puts the length of a message before it.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

// dnsOverTCP answers each query of a connection with what reply makes of it.
func dnsOverTCP(reply func(query []byte) []byte) func(net.Conn) {
	return func(conn net.Conn) {
		for {
			query, err := readFramed(conn)
			if err != nil {
				return
			}
			conn.Write(reply(query))
		}
	}
}

func TestDNSOverTCP(t *testing.T) {
	one := dnsRecords()["A"][0]
	wantsOne := DNS{Query: "example.com", Type: "A", Answers: []string{"192.0.2.1"}, TCP: true}
	many := slices.Repeat([]dnsmessage.ResourceBody{dnsRecords()["A"][1]}, 2500)
	tests := []struct {
		name    string
		serve   func(net.Conn)
		timeout time.Duration
		want    string
	}{
		{"as wanted", dnsOverTCP(func(q []byte) []byte { return frame(dnsReply(t, q, nil, one)) }), enough, ""},
		{"another ID", dnsOverTCP(func(q []byte) []byte {
			return frame(dnsReply(t, q, func(m *dnsmessage.Message) { m.ID++ }, one))
		}), enough, "the answer is to another question"},
		{"the query", dnsOverTCP(frame), enough, "the answer is to another question"},
		{"many answers", dnsOverTCP(func(q []byte) []byte { return frame(dnsReply(t, q, nil, append(many, one)...)) }), enough, ""},
		{
			"many other answers", dnsOverTCP(func(q []byte) []byte { return frame(dnsReply(t, q, nil, many...)) }),
			enough, "192.0.2.1 is not among the answers: 192.0.2.2, 192.0.2.2, 192.0.2.2, 192.0.2.2, 192.0.2.2",
		},
		{"closes at once", closeAtOnce, enough, "connection *"},
		{"resets", reset, enough, "connection reset by the other side"},
		{"half a message", dnsOverTCP(func(q []byte) []byte { return frame(dnsReply(t, q, nil, one))[:20] }), soonOver, "no answer within 300ms"},
		{"empty messages without end", endless("\x00\x00"), enough, "the answer is to another question"},
		{"garbage without end", endless("SSH-2.0-OpenSSH"), enough, "the answer is to another question"},
		{"drips", drips("\xff\xffaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), soonOver, "no answer within 300ms"},
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, test := range tests {
			t.Run(host+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				spec := Spec{Kind: "dns", Target: rawServer(t, host, test.serve), DNS: wantsOne}
				if got := lookOnce(t, spec, test.timeout); !isLike(got, test.want) {
					t.Errorf("reason\n%s\nwant\n%s", got, test.want)
				}
			})
		}
	}
}

func TestDNSOverTLS(t *testing.T) {
	certificate, ca := testCertificate(t, "127.0.0.1")
	target := rawServer(t, "127.0.0.1", overTLS(certificate, dnsOverTCP(func(q []byte) []byte {
		return frame(dnsReply(t, q, nil))
	})))
	if got := lookOnce(t, Spec{Kind: "dns", Target: target, TLS: TLS{Enabled: true, CAFile: ca}}, enough); got != "" {
		t.Error(got)
	}
}

// A truncated answer is asked for again over TCP, at the same port.
func TestDNSTruncated(t *testing.T) {
	one := dnsRecords()["A"][0]
	target := packetServer(t, "127.0.0.1", func(query []byte) [][]byte {
		return [][]byte{dnsReply(t, query, func(m *dnsmessage.Message) { m.Truncated = true })}
	})
	listener, err := net.Listen("tcp", target)
	if err != nil {
		t.Skip("the port is taken over TCP: ", err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		query, _ := readFramed(conn)
		conn.Write(frame(dnsReply(t, query, nil, one)))
		io.Copy(io.Discard, conn)
	}()
	spec := Spec{Kind: "dns", Target: target, DNS: DNS{Query: "example.com", Type: "A", Answers: []string{"192.0.2.1"}}}
	if got := lookOnce(t, spec, enough); got != "" {
		t.Error(got)
	}
}

func TestWrongDNSSpecs(t *testing.T) {
	tests := []struct {
		spec Spec
		want string
	}{
		{Spec{Target: ""}, `target "": must be "host" or "host:port"`},
		{Spec{Target: "[::1]"}, `target "[::1]": must be "host" or "host:port"`},
		{Spec{Target: "ns", DNS: DNS{Type: "FOO"}}, `type "FOO": not known; may be TYPE and its number`},
		{Spec{Target: "ns", DNS: DNS{RCode: "FOO"}}, `rcode "FOO": must be one of NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN, YXRRSET, NXRRSET, NOTAUTH, NOTZONE`},
		{Spec{Target: "ns", DNS: DNS{Query: "a..b"}}, `query "a..b": must be a domain name with labels of 1 to 63 bytes`},
		{Spec{Target: "ns", DNS: DNS{Query: strings.Repeat("a.", 128)}}, `query "` + strings.Repeat("a.", 128) + `": must be a domain name of at most 254 bytes`},
		{Spec{Target: "ns", DNS: DNS{Type: "A", Answers: []string{"::1"}}}, `answer "::1": must be an IPv4 address`},
		{Spec{Target: "ns", DNS: DNS{Type: "AAAA", Answers: []string{"1.2.3.4"}}}, `answer "1.2.3.4": must be an IPv6 address`},
		{Spec{Target: "ns", DNS: DNS{Type: "MX", Answers: []string{"mail.example"}}}, `answer "mail.example": must be: number name`},
		{Spec{Target: "ns", DNS: DNS{Type: "SRV", Answers: []string{"1 2 x host"}}}, `answer "1 2 x host": must be: number number number name`},
		{Spec{Target: "ns", DNS: DNS{Type: "TXT", Answers: []string{`"a" b`}}}, `answer "\"a\" b": a quotation mark is not closed, or a part is without`},
		{Spec{Target: "ns", DNS: DNS{Type: "CAA", Answers: []string{"issue ca"}}}, `answer "issue ca": must be: flags tag "value"`},
		{Spec{Target: "ns", DNS: DNS{Type: "ANY", Answers: []string{"a"}}}, `answer "a": answers of this type cannot be compared`},
	}
	for _, test := range tests {
		if _, err := newDNS(nil, test.spec); err == nil || err.Error() != test.want {
			t.Errorf("%+v: error\n%v\nwant\n%s", test.spec, err, test.want)
		}
	}
}

func TestDNSPorts(t *testing.T) {
	for _, test := range []struct {
		target string
		tls    TLS
		want   string
	}{
		{"ns.example", TLS{}, "ns.example:53"},
		{"ns.example", TLS{Enabled: true, Insecure: true}, "ns.example:853"},
		{"ns.example:54", TLS{}, "ns.example:54"},
		{"2001:db8::1", TLS{}, "[2001:db8::1]:53"},
		{"[2001:db8::1]:54", TLS{}, "[2001:db8::1]:54"},
	} {
		check, err := newDNS(testHost(), Spec{Target: test.target, TLS: test.tls})
		if err != nil {
			t.Fatal(err)
		}
		if got := check.(*dnsCheck).address; got != test.want {
			t.Errorf("%s: %s, want %s", test.target, got, test.want)
		}
	}
}

// The judging of an answer is bounded and does not fail but by its reason.
func FuzzDNSAnswer(f *testing.F) {
	f.Add("example.com", "A", "192.0.2.1", []byte("\x00\x00\x81\x00\x00\x01\x00\x01\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\xc0\x00\x02\x01"))
	f.Add("", "CAA", `0 issue "ca"`, []byte("\x00\x00\x81\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x01\x01\x00\x01\x00\x01\x01\x00\x01\x00\x00\x00\x00\x00\x01\x00"))
	f.Add("", "TXT", `"a\"" "b"`, []byte{})
	f.Fuzz(func(t *testing.T, name, kind, answer string, message []byte) {
		d := DNS{Query: name, Type: kind, Answers: []string{answer}}
		query, err := newDNSQuery(d)
		if err != nil {
			return
		}
		wanted, err := newDNSWanted(d, query.question.Type)
		if err != nil {
			return
		}
		query.isAnsweredBy(message)
		if err := wanted.judge(query.question.Type, message); err != nil && err != errTruncated {
			checkReason(t, err.Error())
		}
	})
}
