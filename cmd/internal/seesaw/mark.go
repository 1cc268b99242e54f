package seesaw

import (
	"fmt"
	"strings"

	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// firstMark is the first mark that Seesaw gives.
const firstMark = 256

// writeMark writes the service of a vserver with use_fwm. Seesaw takes one of the entries for
// how it balances, and the checks of all.
func (im *importer) writeMark(v *vserver, f family, s servers) {
	e := v.entries[0]
	for _, other := range v.entries[1:] {
		if balancingOf(other) != balancingOf(e) {
			im.note(other.field.place, "vserver_entry", "with use_fwm Seesaw balances by any one of the entries, which should be the same but for port and checks; here it is the first")
		}
	}
	name := im.names.take(v.GetName(), f.ending)
	t := im.beginService(v, e, name)
	at := im.from(v.field.at("use_fwm"))
	mark := firstMark + im.marks
	im.marks++
	t.Comments = append(t.Comments, "Seesaw marks its packets by iptables; perch marks none. On each node:")
	t.Comments = append(t.Comments, markRules(v, f, mark)...)
	t.Set("fwmark", document.Number(mark), at)
	t.Set("family", document.Text(f.name), at)
	im.lose(v.field.at("use_fwm"), "use_fwm", "marks the packets of the vserver itself",
		fmt.Sprintf("have each node's firewall mark those to %s, by the commands above service %s", v.entry.in(f), name))
	im.writeBalancing(t, v, e, s)
	im.writeChecks(t, v, v.entries, 0)
}

// balancing is what an entry says of balancing.
type balancing struct {
	scheduler                 pb.VserverEntry_Scheduler
	mode                      pb.VserverEntry_Mode
	low, high                 float32
	persistence, lower, upper int32
	quiescent, onePacket      bool
}

func balancingOf(e entry) balancing {
	return balancing{
		scheduler: e.GetScheduler(), mode: e.GetMode(),
		low: e.GetServerLowWatermark(), high: e.GetServerHighWatermark(),
		persistence: e.GetPersistence(), lower: e.GetLthreshold(), upper: e.GetUthreshold(),
		quiescent: e.GetQuiescent(), onePacket: e.GetOnePacket(),
	}
}

// markRules are commands that have the packets of a vserver marked.
func markRules(v *vserver, f family, mark int) []string {
	table := "ip"
	if f.name == "ipv6" {
		table = "ip6"
	}
	rules := []string{
		fmt.Sprintf("  nft add table %s marks", table),
		fmt.Sprintf("  nft 'add chain %s marks before { type filter hook prerouting priority mangle; }'", table),
	}
	for _, e := range v.entries {
		rules = append(rules, fmt.Sprintf("  nft add rule %s marks before %s daddr %s %s dport %d meta mark set %d",
			table, table, v.entry.in(f), strings.ToLower(e.GetProtocol().String()), e.GetPort(), mark))
	}
	return rules
}
