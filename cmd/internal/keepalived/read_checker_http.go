package keepalived

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

func httpWords() vocabulary[*checker] {
	type c = *checker
	return vocabulary[c]{
		"url":           opens(readURL),
		"virtualhost":   keepText(func(c c) *said[string] { return &c.virtualHost }),
		"http_protocol": means(readHTTPProtocol),
		"sni_name":      keepText(func(c c) *said[string] { return &c.sniName }),
		"enable_sni":    needlessFlag[c](), // a name is always sent
		"fast_recovery": needlessFlag[c](), // all URLs are asked in one look
		"nb_get_retry":  keepRetries(0, func(c c) *said[int] { return &c.retry }),
		"tls_compliant": lostFlag[c]("takes a connection that ends without TLS's farewell for a failure", "perch takes it, as keepalived does without the word"),
	}
}

func readHTTPProtocol(im *importer, s *syntax.Statement, c *checker) {
	keepWord(func(c *checker) *said[string] { return &c.httpProtocol }, "1.0", "1.0C", "1.1").read(im, s, c)
	if p := c.httpProtocol; p.by == s && p.value != "1.1" {
		im.lose(s, "asks in HTTP/1.0", "perch asks in HTTP/1.1, and takes an answer in HTTP/1.0")
	}
}

func readURL(im *importer, s *syntax.Statement, c *checker) {
	u := &httpURL{by: s}
	readBlock(im, "a url", im.block(s), im.serverWords().url, u)
	switch {
	case s.Braces && !says(s, "path"):
		im.wrong(s, "has no path")
	case !says(s, "regex") && (u.flags.given() || u.mismatch.given() || u.from.given() || u.to.given()):
		im.wrong(s, "has words for a regex, and no regex")
	}
	im.checkRegexp(u)
	c.urls = append(c.urls, u)
}

func urlWords() vocabulary[*httpURL] {
	type u = *httpURL
	return vocabulary[u]{
		"path":             keepText(func(u u) *said[string] { return &u.path }),
		"digest":           means(readDigest),
		"status_code":      means(readStatus),
		"virtualhost":      keepText(func(u u) *said[string] { return &u.virtualHost }),
		"regex":            means(readRegexp),
		"regex_options":    means(readRegexpOptions),
		"regex_no_match":   keepSwitch(func(u u) *said[bool] { return &u.mismatch }),
		"regex_stack":      needless[u](), // RE2 needs none
		"regex_min_offset": keepNumber(0, 1000, func(u u) *said[int] { return &u.from }),
		"regex_max_offset": keepNumber(0, 1000, func(u u) *said[int] { return &u.to }),
		"tls_compliant":    lostFlag[u]("takes a connection that ends without TLS's farewell for a failure", "perch takes it, as keepalived does without the word"),
	}
}

func readDigest(im *importer, s *syntax.Statement, u *httpURL) {
	arg, ok := im.one(s)
	switch {
	case !ok:
	case len(arg) != 32 || strings.Trim(arg, "0123456789abcdefABCDEF") != "":
		im.wrong(s, fmt.Sprintf("%q must be 32 hexadecimal digits, as genhash prints them", arg))
	default:
		keep(im, &u.digest, strings.ToLower(arg), s)
	}
}

// readStatus reads codes and ranges of codes, further ones each time.
func readStatus(im *importer, s *syntax.Statement, u *httpURL) {
	if len(s.Args()) == 0 {
		im.wrong(s, "missing; must have a status code")
	}
	for _, arg := range s.Args() {
		from, to, ranged := strings.Cut(arg, "-")
		if !ranged {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || first < 100 || last > 599 || first > last {
			im.wrong(s, fmt.Sprintf("%q must be a status code or a range of them, as 200 or 200-299, from 100 to 599", arg))
			continue
		}
		u.status = append(u.status, said[string]{arg, s})
	}
}
