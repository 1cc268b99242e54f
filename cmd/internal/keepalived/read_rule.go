package keepalived

import (
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

func readRules(im *importer, s *syntax.Statement, i *instance) {
	own := i.own()
	own.rules = append(own.rules, im.rules(s)...)
}

func readStaticRules(im *importer, s *syntax.Statement, _ *importer) {
	im.routing.staticRules = append(im.routing.staticRules, im.rules(s)...)
}

func (im *importer) rules(s *syntax.Statement) (list []rule) {
	for _, line := range im.block(s) {
		r := ruleLine{words: newWords(im, line), rule: rule{by: line}}
		if r.read() {
			im.prefer(&r.rule)
			list = append(list, r.rule)
		}
	}
	return list
}

// firstPreference is what keepalived gives the first rule of a family that has none; the next
// ones get less and less.
const firstPreference = 16384

// prefer gives a rule without a preference the one that it has with keepalived.
func (im *importer) prefer(r *rule) {
	r.ipv6 = r.ipv6 || r.from.Addr().Is6() || r.to.Addr().Is6()
	if r.pref != 0 {
		return
	}
	given := &im.routing.preferences4
	if r.ipv6 {
		given = &im.routing.preferences6
	}
	r.pref = firstPreference - *given
	*given++
	im.remark(r.by, fmt.Sprintf("has no priority: keepalived gives it %d, and so it is here", r.pref))
}

// ruleLine is a rule that is being read, in the words of ip-rule(8).
type ruleLine struct {
	*words
	rule
}

// read reports whether there is a rule that perch can have. One that it can have in part
// only is lost, since it would be for more than was meant.
func (r *ruleLine) read() bool {
	for r.more() {
		r.word(r.next())
	}
	if r.good() && !r.lost && r.table == 0 {
		r.wrong("has no table; must have one")
	}
	return r.good() && !r.lost
}

func (r *ruleLine) word(word string) {
	switch word {
	case "from":
		r.from = r.selector(r.value())
	case "to":
		r.to = r.selector(r.value())
	case "iif", "dev":
		r.iif = r.value()
	case "oif":
		r.oif = r.value()
	case "fwmark":
		r.mark()
	case "table", "lookup":
		r.table = r.tableID()
	case "priority", "preference", "order":
		r.pref = r.number(1, math.MaxUint32)
	case "no_track":
		r.noTrack = true
	case "inet6":
		r.ipv6 = true
	case "inet":
	case "protocol":
		r.value() // perch has one of its own, to know its rules by
	case "track_group":
		r.trackGroup("rule")
	case "tos", "dsfield", "uidrange", "ipproto", "sport", "dport", "tunnel-id":
		r.lose("a rule with "+word, "let the firewall mark such packets, and give fwmark")
	case "not", "goto", "nop", "l3mdev", "suppress_prefixlength", "sup_pl", "suppress_ifgroup",
		"sup_group", "realms", "type":
		r.lose("a rule with "+word, "perch has rules that lead to a table, and are for what they name: "+byProgram)
	case "blackhole", "unreachable", "prohibit":
		r.lose("a rule of the kind "+word, "let it lead to a table with such a route")
	default:
		r.wrong(quoted(word) + " is no word of a rule")
	}
}

// selector reads a network, or all.
func (r *ruleLine) selector(text string) netip.Prefix {
	switch {
	case r.bad:
		return netip.Prefix{}
	case text == "all", text == "any", text == "default":
		return anywhere(r.ipv6)
	}
	return r.network(text).Masked()
}

// mark reads a mark, with a mask behind a slash or without. For keepalived a mark of 0
// alone, and one with a mask of 0, are any mark, which nobody means.
func (r *ruleLine) mark() {
	if len(r.left) == 0 || !strings.Contains(r.left[0], "/") {
		r.fwmark = r.number(1, math.MaxUint32)
		return
	}
	mark, mask, _ := strings.Cut(r.left[0], "/")
	rest := r.left[1:]
	r.left = []string{mark, mask}
	r.fwmark = r.number(0, math.MaxUint32)
	r.last = "mask of fwmark"
	r.fwmask = r.number(1, math.MaxUint32)
	r.left = rest
}
