package checker

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// errTruncated is of an answer over UDP that goes on over TCP.
var errTruncated = errors.New("the answer is truncated")

// dnsWanted is what an answer must be.
type dnsWanted struct {
	rcode   dnsmessage.RCode
	answers []string // canonical
}

func newDNSWanted(d DNS, kind dnsmessage.Type) (dnsWanted, error) {
	rcode, err := dnsRCode(d.RCode)
	if err != nil {
		return dnsWanted{}, err
	}
	wanted := dnsWanted{rcode: rcode}
	for _, text := range d.Answers {
		answer, err := canonical(kind, text)
		if err != nil {
			return dnsWanted{}, fmt.Errorf("answer %q: %w", text, err)
		}
		wanted.answers = append(wanted.answers, answer)
	}
	return wanted, nil
}

// judge looks at a message that answers the question.
func (w dnsWanted) judge(kind dnsmessage.Type, message []byte) error {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil {
		return because("malformed answer")
	}
	switch {
	case header.RCode != w.rcode:
		return because("%s, wanted %s", rcodeText(header.RCode), rcodeText(w.rcode))
	case len(w.answers) == 0:
		return nil
	case header.Truncated:
		return errTruncated
	}
	return w.judgeAnswers(&p, kind)
}

func (w dnsWanted) judgeAnswers(p *dnsmessage.Parser, kind dnsmessage.Type) error {
	if err := p.SkipAllQuestions(); err != nil {
		return because("malformed answer")
	}
	const most = 5 // to be named
	missing := slices.Clone(w.answers)
	var came []string
	for {
		text, err := nextRecord(p, kind)
		if err == dnsmessage.ErrSectionDone {
			return missingAnswers(missing, came)
		}
		if err != nil {
			return because("malformed answer")
		}
		missing = slices.DeleteFunc(missing, func(wanted string) bool { return wanted == text })
		if len(came) < most {
			came = append(came, text)
		}
	}
}

// missingAnswers is the reason why not all wanted answers came.
func missingAnswers(missing, came []string) error {
	switch {
	case len(missing) == 0:
		return nil
	case len(came) == 0:
		return because("%s is not among the answers", cut(missing[0], 80))
	}
	return because("%s is not among the answers: %s", cut(missing[0], 80), strings.Join(came, ", "))
}

// nextRecord returns the canonical text of the next answer of a type, past those of others.
func nextRecord(p *dnsmessage.Parser, kind dnsmessage.Type) (string, error) {
	for {
		header, err := p.AnswerHeader()
		if err != nil {
			return "", err
		}
		if header.Type == kind && header.Class == dnsmessage.ClassINET {
			return recordText(p, kind)
		}
		if err := p.SkipAnswer(); err != nil {
			return "", err
		}
	}
}

// recordText returns the canonical text of a record. Were it parsed by Parser.Answer, all
// that dnsmessage can do would be in the binary, 40 KB more.
func recordText(p *dnsmessage.Parser, kind dnsmessage.Type) (string, error) {
	switch kind {
	case dnsmessage.TypeA:
		r, err := p.AResource()
		return netip.AddrFrom4(r.A).String(), err
	case dnsmessage.TypeAAAA:
		r, err := p.AAAAResource()
		return netip.AddrFrom16(r.AAAA).String(), err
	case dnsmessage.TypeCNAME:
		r, err := p.CNAMEResource()
		return nameText(r.CNAME), err
	case dnsmessage.TypeNS:
		r, err := p.NSResource()
		return nameText(r.NS), err
	case dnsmessage.TypePTR:
		r, err := p.PTRResource()
		return nameText(r.PTR), err
	case dnsmessage.TypeMX:
		r, err := p.MXResource()
		return numbers(uint32(r.Pref)) + nameText(r.MX), err
	case dnsmessage.TypeSRV:
		r, err := p.SRVResource()
		return numbers(uint32(r.Priority), uint32(r.Weight), uint32(r.Port)) + nameText(r.Target), err
	case dnsmessage.TypeSOA:
		r, err := p.SOAResource()
		tail := strings.TrimSuffix(numbers(r.Serial, r.Refresh, r.Retry, r.Expire, r.MinTTL), " ")
		return nameText(r.NS) + " " + nameText(r.MBox) + " " + tail, err
	case dnsmessage.TypeTXT:
		r, err := p.TXTResource()
		return strings.Join(r.TXT, ""), err
	}
	r, err := p.UnknownResource()
	return caaText(r.Data), err
}

func nameText(name dnsmessage.Name) string { return canonicalName(name.String()) }

// numbers returns numbers, each with a space behind it.
func numbers(all ...uint32) string {
	var b strings.Builder
	for _, n := range all {
		b.WriteString(strconv.FormatUint(uint64(n), 10) + " ")
	}
	return b.String()
}

// caaText returns the canonical text of a CAA record (RFC 8659, section 4.1), "" for one
// that is malformed.
func caaText(data []byte) string {
	if len(data) < 2 || len(data) < 2+int(data[1]) {
		return ""
	}
	tag, value := data[2:2+int(data[1])], data[2+int(data[1]):]
	return numbers(uint32(data[0])) + strings.ToLower(string(tag)) + " " + string(value)
}
