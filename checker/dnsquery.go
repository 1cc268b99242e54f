package checker

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsQuery is a question, and the message that asks it.
type dnsQuery struct {
	id       uint16
	question dnsmessage.Question
	packed   []byte
}

func newDNSQuery(d DNS) (dnsQuery, error) {
	kind, err := dnsType(d.Type)
	if err != nil {
		return dnsQuery{}, err
	}
	name, err := dnsmessage.NewName(strings.TrimSuffix(d.Query, ".") + ".")
	if err != nil {
		return dnsQuery{}, fmt.Errorf("query %q: must be a domain name of at most 254 bytes", d.Query)
	}
	q := dnsmessage.Question{Name: name, Type: kind, Class: dnsmessage.ClassINET}
	packed, err := packQuery(q)
	if err != nil {
		return dnsQuery{}, fmt.Errorf("query %q: must be a domain name with labels of 1 to 63 bytes", d.Query)
	}
	return dnsQuery{question: q, packed: packed}, nil
}

func packQuery(q dnsmessage.Question) ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{RecursionDesired: true})
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(q); err != nil {
		return nil, err
	}
	return b.Finish()
}

// withNewID returns the query with an ID that nobody can guess.
func (q dnsQuery) withNewID() dnsQuery {
	q.id = uint16(rand.Uint32())
	q.packed = slices.Clone(q.packed)
	binary.BigEndian.PutUint16(q.packed, q.id)
	return q
}

// isAnsweredBy tells whether a message has the query's ID and question. One that only
// tells an error may come without a question.
func (q dnsQuery) isAnsweredBy(message []byte) bool {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || !header.Response || header.ID != q.id {
		return false
	}
	asked, err := p.Question()
	if err == dnsmessage.ErrSectionDone {
		return header.RCode != dnsmessage.RCodeSuccess
	}
	return err == nil && asked.Type == q.question.Type && asked.Class == q.question.Class &&
		strings.EqualFold(asked.Name.String(), q.question.Name.String())
}

const (
	typeCAA = dnsmessage.Type(257)
	typeANY = dnsmessage.TypeALL
)

func dnsTypes() map[string]dnsmessage.Type {
	return map[string]dnsmessage.Type{
		"": dnsmessage.TypeSOA, "A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA, "ANY": typeANY,
		"CAA": typeCAA, "CNAME": dnsmessage.TypeCNAME, "DNSKEY": 48, "DS": 43, "HTTPS": 65,
		"MX": dnsmessage.TypeMX, "NAPTR": 35, "NS": dnsmessage.TypeNS, "PTR": dnsmessage.TypePTR,
		"RRSIG": 46, "SOA": dnsmessage.TypeSOA, "SRV": dnsmessage.TypeSRV, "SVCB": 64,
		"TLSA": 52, "TXT": dnsmessage.TypeTXT,
	}
}

// dnsType returns the type of a name such as "AAAA", or "TYPE28" (RFC 3597, section 5).
func dnsType(name string) (dnsmessage.Type, error) {
	name = strings.ToUpper(name)
	if kind, known := dnsTypes()[name]; known {
		return kind, nil
	}
	if number, isNumber := strings.CutPrefix(name, "TYPE"); isNumber {
		if n, err := strconv.ParseUint(number, 10, 16); err == nil && n > 0 {
			return dnsmessage.Type(n), nil
		}
	}
	return 0, fmt.Errorf("type %q: not known; may be TYPE and its number", name)
}

func dnsRCodes() []string {
	return []string{
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
		"NXRRSET", "NOTAUTH", "NOTZONE",
	}
}

// dnsRCode returns the response code of a name such as "NXDOMAIN".
func dnsRCode(name string) (dnsmessage.RCode, error) {
	if name == "" {
		return dnsmessage.RCodeSuccess, nil
	}
	i := slices.Index(dnsRCodes(), strings.ToUpper(name))
	if i < 0 {
		return 0, fmt.Errorf("rcode %q: must be one of %s", name, strings.Join(dnsRCodes(), ", "))
	}
	return dnsmessage.RCode(i), nil
}

func rcodeText(code dnsmessage.RCode) string {
	if names := dnsRCodes(); int(code) < len(names) {
		return names[code]
	}
	return "RCODE" + strconv.Itoa(int(code))
}
