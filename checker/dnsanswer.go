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
		record, err := p.Answer()
		if err == dnsmessage.ErrSectionDone {
			return missingAnswers(missing, came)
		}
		if err != nil {
			return because("malformed answer")
		}
		if record.Header.Type != kind || record.Header.Class != dnsmessage.ClassINET {
			continue
		}
		text := recordText(record.Body)
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

// recordText returns the canonical text of a record, "" for one of a kind that has none.
func recordText(body dnsmessage.ResourceBody) string {
	switch r := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(r.A).String()
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(r.AAAA).String()
	case *dnsmessage.CNAMEResource:
		return canonicalName(r.CNAME.String())
	case *dnsmessage.NSResource:
		return canonicalName(r.NS.String())
	case *dnsmessage.PTRResource:
		return canonicalName(r.PTR.String())
	case *dnsmessage.MXResource:
		return numbers(uint32(r.Pref)) + canonicalName(r.MX.String())
	case *dnsmessage.SRVResource:
		return numbers(uint32(r.Priority), uint32(r.Weight), uint32(r.Port)) + canonicalName(r.Target.String())
	case *dnsmessage.SOAResource:
		return canonicalName(r.NS.String()) + " " + canonicalName(r.MBox.String()) + " " +
			strings.TrimSuffix(numbers(r.Serial, r.Refresh, r.Retry, r.Expire, r.MinTTL), " ")
	case *dnsmessage.TXTResource:
		return strings.Join(r.TXT, "")
	case *dnsmessage.UnknownResource:
		return caaText(r)
	}
	return ""
}

// numbers returns numbers, each with a space behind it.
func numbers(all ...uint32) string {
	var b strings.Builder
	for _, n := range all {
		b.WriteString(strconv.FormatUint(uint64(n), 10) + " ")
	}
	return b.String()
}

// caaText returns the canonical text of a CAA record (RFC 8659, section 4.1).
func caaText(r *dnsmessage.UnknownResource) string {
	if r.Type != typeCAA || len(r.Data) < 2 || len(r.Data) < 2+int(r.Data[1]) {
		return ""
	}
	tag, value := r.Data[2:2+int(r.Data[1])], r.Data[2+int(r.Data[1]):]
	return numbers(uint32(r.Data[0])) + strings.ToLower(string(tag)) + " " + string(value)
}
