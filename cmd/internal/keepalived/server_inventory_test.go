package keepalived

import (
	"net/netip"
	"slices"
	"testing"
)

// Each keyword that docs/ipvs-keepalived.md has something for has a word in a vocabulary.
func TestServerInventory(t *testing.T) {
	checkers := checkerWords()
	http := append(keywords(urlWords()), keywords(checkers["HTTP_GET"])...)
	kinds := keywords(realServerWords())
	vocabularies := map[string][]string{
		"global_defs":          append(keywords(globalWords()), keywords(rootWords())...), // net_namespace_ipvs
		"vrrp_instance":        keywords(instanceWords()),
		"SSL":                  keywords(clientTLSWords()),
		"virtual_server_group": {"address", "range", "network", "fwmark"}, // see TestParseEntry
		"virtual_server":       append(keywords(virtualServerWords()), "address", "fwmark", "group"),
		"real_server":          append(keywords(realServerWords()), "address"),
		"checkers":             keywords(checkers["TCP_CHECK"]),
		"HTTP_GET":             append(http, kinds...),
		"TCP_CHECK":            kinds,
		"SMTP_CHECK":           keywords(checkers["SMTP_CHECK"]),
		"DNS_CHECK":            keywords(checkers["DNS_CHECK"]),
		"MISC_CHECK":           keywords(checkers["MISC_CHECK"]),
		"UDP_CHECK":            keywords(checkers["UDP_CHECK"]),
		"PING_CHECK":           kinds,
		"FILE_CHECK":           append(keywords(checkers["FILE_CHECK"]), "reverse"), // behind weight
	}
	blocks := inventory(t, "keepalived-lvs.txt")
	if realServerWords()["BFD_CHECK"].does == "" {
		t.Error("BFD_CHECK is not said to be without an equivalent")
	}
	delete(blocks, "BFD_CHECK")
	if len(blocks) != len(vocabularies) {
		t.Errorf("%d blocks are known, %d have a vocabulary", len(blocks), len(vocabularies))
	}
	for block, list := range blocks {
		for _, keyword := range list {
			if !slices.Contains(vocabularies[block], keyword) {
				t.Errorf("%s: %s has no word", block, keyword)
			}
		}
	}
}

func TestParseEntry(t *testing.T) {
	for _, row := range []struct {
		words       []string
		first, last string
		count       int
		port        uint16
	}{
		{[]string{"198.18.0.1", "80"}, "198.18.0.1", "198.18.0.1", 1, 80},
		{[]string{"198.18.0.1"}, "198.18.0.1", "198.18.0.1", 1, 0},
		{[]string{"198.18.0.250-255", "80"}, "198.18.0.250", "198.18.0.255", 6, 80},
		{[]string{"198.18.0.1-198.18.1.1", "80"}, "198.18.0.1", "198.18.1.1", 257, 80},
		{[]string{"198.18.0.0/29", "80"}, "198.18.0.0", "198.18.0.7", 8, 80},
		{[]string{"198.18.0.0/16", "80"}, "198.18.0.0", "198.18.255.255", 65536, 80},
		{[]string{"198.18.0.3/32", "80"}, "198.18.0.3", "198.18.0.3", 1, 80},
		{[]string{"2001:db8::fffe-ffff", "80"}, "2001:db8::fffe", "2001:db8::ffff", 2, 80},
		{[]string{"2001:db8::100/124", "80"}, "2001:db8::100", "2001:db8::10f", 16, 80},
	} {
		e, err := parseEntry(row.words)
		if err != nil {
			t.Errorf("%q: %v", row.words, err)
			continue
		}
		first, last := netip.MustParseAddr(row.first), netip.MustParseAddr(row.last)
		if e.first != first || e.last != last || e.count() != row.count || e.port != row.port || e.mark != 0 {
			t.Errorf("%q is %v, of %d", row.words, e, e.count())
		}
	}
	for _, row := range []struct {
		words  []string
		mark   int
		family string
	}{
		{[]string{"fwmark", "7"}, 7, ""},
		{[]string{"fwmark", "0x10", "inet6"}, 16, "inet6"},
		{[]string{"fwmark", "4294967295", "inet"}, 1<<32 - 1, "inet"},
	} {
		if e, err := parseEntry(row.words); err != nil || e.mark != row.mark || e.family != row.family {
			t.Errorf("%q is %v: %v", row.words, e, err)
		}
	}
}

// What RE2 matches is what PCRE does with the options.
func TestExpression(t *testing.T) {
	for _, row := range []struct {
		text, flags string
		from, to    said[int]
		want        string
	}{
		{"ready", "", said[int]{}, said[int]{}, "ready"},
		{"a|b", "im", said[int]{}, said[int]{}, "(?im)a|b"},
		{"a|b", "s", said[int]{value: 3}, said[int]{}, `\A(?s:.{3,})(?:(?s)a|b)`},
	} {
		u := &httpURL{regex: said[string]{value: row.text}, flags: said[string]{value: row.flags}, from: row.from, to: row.to}
		if got := u.expression(); got != row.want {
			t.Errorf("%s with %q is %s, want %s", row.text, row.flags, got, row.want)
		}
	}
}
