package checker

import (
	"net/netip"
	"strings"
	"testing"
)

// One spec per mistake, with its exact message.
func TestHTTPSpecErrors(t *testing.T) {
	one := func(r Request) HTTP { return HTTP{Requests: []Request{r}} }
	for _, c := range []struct {
		target string
		http   HTTP
		want   string
	}{
		{"127.0.0.1", HTTP{}, `URL "127.0.0.1": must begin with http:// or https://`},
		{"ftp://a", HTTP{}, `URL "ftp://a": must begin with http:// or https://`},
		{"http:///a", HTTP{}, `URL "http:///a": has no host`},
		{"http://[::1", HTTP{}, `URL: parse "http://[::1": missing ']' in host`},
		{"http://bücher.example", HTTP{}, `URL "http://bücher.example": the host must be ASCII, as in "xn--..."`},
		{"http://a:0", HTTP{}, `connect: target "a:0": port "0": must be 1 to 65535`},
		{"http://a:70000", HTTP{}, `connect: target "a:70000": port "70000": must be 1 to 65535`},
		{"http://a", HTTP{Connect: "b"}, `connect: target "b": must be "host:port"`},
		{"http://[::1]", HTTP{}, `source 127.0.0.1 and target ::1 are not of one family`},
		{"http://a", HTTP{Protocol: "h3"}, `protocol "h3": must be "http/1.1" or "h2"`},
		{"http://a", HTTP{Method: "GE T"}, `net/http: invalid method "GE T"`},
		{"http://a", HTTP{Host: "b/c"}, `host "b/c": must be a host, or host:port`},
		{"http://a", HTTP{Host: "b\r\nX: y"}, `host "b\r\nX: y": must be a host, or host:port`},
		{"http://a", HTTP{Headers: []string{"X"}}, `header "X": must be "Name: value"`},
		{"http://a", HTTP{Headers: []string{": x"}}, `header ": x": must be "Name: value"`},
		{"http://a", HTTP{Headers: []string{"X Y: z"}}, `header "X Y: z": must be "Name: value"`},
		{"http://a", HTTP{Headers: []string{"X: a\r\nY: b"}}, `header "X: a\r\nY: b": control characters are not allowed`},
		{"http://a", HTTP{Headers: []string{"host: b"}}, `header "host: b": not allowed, that is a setting of its own`},
		{"http://a", HTTP{Headers: []string{"Content-Length: 3"}}, `header "Content-Length: 3": not allowed, it follows from the body`},
		{"http://a", one(Request{URL: "http://b/"}), `URL "http://b/": is of another server than the target`},
		{"http://a", one(Request{URL: "https://a/"}), `URL "https://a/": is of another server than the target`},
		{"http://a", one(Request{URL: "%zz"}), `URL: parse "%zz": invalid URL escape "%zz"`},
		{"http://a", one(Request{Status: []Range{{299, 200}}}), `status 299-200: must be within 100-599`},
		{"http://a", one(Request{Status: []Range{{99, 99}}}), `status 99: must be within 100-599`},
		{"http://a", one(Request{Status: []Range{{200, 600}}}), `status 200-600: must be within 100-599`},
		{"http://a", one(Request{Matches: "("}), "matches: error parsing regexp: missing closing ): `(`"},
		{"http://a", one(Request{Mismatch: "(?=a)"}), "mismatch: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"},
		{"http://a", one(Request{Digest: "sha1:00"}), `digest "sha1:00": must be "md5:HEX" or "sha256:HEX"`},
		{"http://a", one(Request{Digest: "md5:00"}), `digest "md5:00": must have 32 hexadecimal digits`},
		{"http://a", one(Request{Digest: "sha256:" + strings.Repeat("z", 64)}), `digest "sha256:` + strings.Repeat("z", 64) + `": must have 64 hexadecimal digits`},
		{"http://a", one(Request{JSONPath: "a."}), `JSON path "a.": a name is missing`},
		{"http://a", one(Request{JSONValue: "a"}), `a JSON value needs a JSON path`},
		{"http://a", HTTP{Method: "HEAD", Requests: []Request{{Contains: "a"}}}, `the answer to HEAD has no body`},
	} {
		spec := Spec{Kind: "http", Target: c.target, HTTP: c.http, Network: Network{Source: netip.MustParseAddr("127.0.0.1")}}
		_, err := testHost().New(spec)
		wantError(t, err, c.want)
	}
}
