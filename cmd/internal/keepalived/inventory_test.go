package keepalived

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// inventory returns the keywords of a list in package config's testdata, by block.
func inventory(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "config", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		block, keywords, ok := strings.Cut(line, ": ")
		if ok && !strings.HasPrefix(line, "#") {
			blocks[block] = append(blocks[block], strings.Fields(keywords)...)
		}
	}
	return blocks
}

// keywords returns those of a vocabulary.
func keywords[T any](v vocabulary[T]) []string {
	var list []string
	for keyword := range v {
		list = append(list, keyword)
	}
	return list
}

// Each keyword that keepalived has for virtual routers has a word in a vocabulary.
func TestInventory(t *testing.T) {
	root := keywords(rootWords())
	vocabularies := map[string][]string{
		"root":                     append(root, "include_check", "random_seed"),
		"global_defs":              keywords(globalWords()),
		"linkbeat_interfaces":      root,
		"interface_up_down_delays": root,
		"static":                   root,
		"garp_group":               keywords(pacingWords()),
		"vrrp_script":              keywords(scriptWords()),
		"track_file":               append(keywords(fileWords()), root...),
		"vrrp_track_process":       keywords(processWords()),
		"bfd_instance":             keywords(bfdWords()),
		"vrrp_sync_group":          keywords(groupWords()),
		"vrrp_instance":            keywords(instanceWords()),
		"authentication":           keywords(authenticationWords()),
		"auth_hmac":                keywords(hmacWords()),
	}
	lines := []string{"unicast_peer", "virtual_ipaddress", "virtual_routes", "virtual_rules"} // see TestLines
	blocks := inventory(t, "keepalived-vrrp.txt")
	if len(blocks) < 15 {
		t.Fatalf("the inventory has %d blocks only", len(blocks))
	}
	for block, list := range blocks {
		v, ok := vocabularies[block]
		if !ok && !slices.Contains(lines, block) {
			t.Errorf("there is no vocabulary for %s", block)
		}
		for _, keyword := range list {
			if ok && !slices.Contains(v, keyword) {
				t.Errorf("%s: %s is in no vocabulary", block, keyword)
			}
		}
	}
	for _, keyword := range inventory(t, "keepalived-lvs.txt")["global_defs"] {
		if !slices.Contains(vocabularies["global_defs"], keyword) && !slices.Contains(root, keyword) {
			t.Errorf("global_defs: %s is in no vocabulary", keyword)
		}
	}
}

// Each word of the lines in these blocks is read, with what follows it.
func TestLines(t *testing.T) {
	values := map[string]string{
		"address": "198.18.0.7", "min_ttl": "254", "max_ttl": "255",
		"brd": "+", "dev": "eth1", "scope": "link", "label": "eth0:1", "peer": "198.18.0.9", "preferred_lft": "forever",
		"-nodad": "", "to": "10.9.0.0/16", "via": "198.18.0.254", "gw": "198.18.0.254", "oif": "eth1", "iif": "eth1",
		"src": "198.18.0.1", "table": "100", "metric": "5", "preference": "5", "priority": "5", "pref": "high", "order": "5",
		"blackhole": "", "or": "198.18.0.253", "nexthop": "via 198.18.0.253", "weight": "3", "from": "10.0.0.0/8",
		"fwmark": "7", "lookup": "100", "protocol": "bird", "track_group": "G", "realms": "1/2", "realm": "1",
		"tos": "4", "dsfield": "4", "uidrange": "1-2", "ipproto": "tcp", "sport": "1", "dport": "1",
		"tunnel-id": "1", "goto": "5", "suppress_prefixlength": "0", "suppress_ifgroup": "x", "sup_pl": "0", "sup_group": "x",
		"mtu": "lock 1400", "hoplimit": "3", "advmss": "3", "rtt": "3", "rttvar": "3", "reordering": "3", "window": "3", "cwnd": "3",
		"initcwnd": "3", "initrwnd": "3", "ssthresh": "3", "rto_min": "3", "quickack": "1", "features": "ecn", "congctl": "cubic",
		"encap": "mpls 7", "as": "to 198.18.0.7", "expires": "5", "fastopen_no_cookie": "1", "ttl-propagate": "enabled",
	}
	// What makes a whole line of a word.
	begins := map[string]string{
		"unicast_peer":      "198.18.0.7 ",
		"virtual_ipaddress": "198.18.0.200/24 ",
		"virtual_routes":    "10.1.0.0/16 dev eth0 ",
		"virtual_rules":     "from 10.2.0.0/16 table 9 ",
	}
	blocks := inventory(t, "keepalived-vrrp.txt")
	for block, begin := range begins {
		for _, word := range blocks[block] {
			line := begin + word + " " + values[word]
			switch {
			case word == "address":
				line = values[word]
			case word == "to" && block == "virtual_routes":
				line = "to 10.9.0.0/16 dev eth0"
			case word == "weight": // of a nexthop
				line = begin + "nexthop via 198.18.0.253 weight 3"
			}
			t.Run(block+" "+word, func(t *testing.T) {
				if err := importLine(block, line); err != nil {
					t.Errorf("%s: %v", line, err)
				}
				if err := importLine(block, line+" unheard-of"); err == nil && !lostWhole(word) {
					t.Errorf("%s: a word behind it that nobody knows is taken", line)
				}
			})
		}
	}
}

// lostWhole says of a word that with it all of its line is lost, whatever else is there.
func lostWhole(word string) bool {
	return slices.Contains(strings.Fields(`or nexthop weight unreachable prohibit throw realms realm tos dsfield encap as expires
		not uidrange ipproto sport dport tunnel-id goto nop l3mdev suppress_prefixlength sup_pl suppress_ifgroup sup_group blackhole`), word)
}

// importLine imports an instance with a line in a block.
func importLine(block, line string) error {
	text := "vrrp_instance one {\ninterface eth0\nvirtual_router_id 1\n"
	if block != "virtual_ipaddress" {
		text += "virtual_ipaddress {\n198.18.0.100/24\n}\n"
	}
	text += block + " {\n" + line + "\n}\n}\n"
	return importText(text)
}

// importText imports a file with a text.
func importText(text string) error {
	_, err := importFile(text)
	return err
}

func importFile(text string) (*Result, error) {
	files := fstest.MapFS{"keepalived.conf": {Data: []byte(text)}}
	o := testOptions()
	o.Files = syntax.FSFiles{FS: files}
	return Import("/keepalived.conf", o)
}
