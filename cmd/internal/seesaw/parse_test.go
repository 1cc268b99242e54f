package seesaw

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	c, err := parse("cluster.pb", []byte("seesaw_vip { fqdn: \"vip.example.com.\" ipv4: \"198.18.0.1/24\" }"))
	if err != nil || c.GetSeesawVip().GetIpv4() != "198.18.0.1/24" || c.GetVmac() != "00:00:5E:00:01:01" {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestParseMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"node <\n  fqdn: 'a'\n}":             "cluster.pb:3:1: syntax error: mismatched close character '}'",
		"vserver {\n  nane: 'a'\n}":          "cluster.pb:2:3: unknown field: nane",
		"vserver {\n  rp: 1\n}":              "cluster.pb:2:7: invalid value for string type: 1",
		"vserver {\n}\nnode {\n":             "cluster.pb:3:7: unexpected EOF",
		"vserver {":                          "cluster.pb:1:10: unexpected EOF",
		"\n\x08\x01\x12":                     "cluster.pb:1:1: no text; perch reads a cluster.pb as Seesaw does, which is a text protobuf",
		"a\x00b":                             "cluster.pb:1:1: no text; perch reads a cluster.pb as Seesaw does, which is a text protobuf",
		"\xff\xfe":                           "cluster.pb:1:1: no text; perch reads a cluster.pb as Seesaw does, which is a text protobuf",
		strings.Repeat("#", MaxSize+1):       "cluster.pb:1:1: longer than 16 MiB",
		"bgp_local_asn: 1\nbgp_local_asn: 2": "cluster.pb:2:1: non-repeated field \"bgp_local_asn\" is repeated",
	} {
		if _, err := parse("cluster.pb", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}

// The place is found however the spaces are varied.
func TestPlaced(t *testing.T) {
	for _, text := range []string{
		"proto: (line 3:5): unknown field: x", "proto:\u00a0(line 3:5): unknown field: x", "proto:  (line 3:5):  unknown field: x", "(line 3:5): unknown field: x",
	} {
		if line, col, what := placed(text); line != 3 || col != 5 || what != "unknown field: x" {
			t.Errorf("%q: got %d, %d, %q", text, line, col, what)
		}
	}
	for _, text := range []string{"proto: exceeded maximum recursion depth", "(line x:1): no", "(line 3): no", "(line 3:4 no"} {
		if line, col, _ := placed(text); line != 0 || col != 0 {
			t.Errorf("%q: got %d, %d", text, line, col)
		}
	}
}
