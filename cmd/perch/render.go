package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// renderStatus draws the answer of `perch status`: the cluster in one line, its
// nodes, the VIPs, the virtual routers, and what the operator should know.
func renderStatus(s api.Status, v view) string {
	return strings.Join(slices.Concat([]string{drawHead(s, v)}, drawTables(s, v), drawn(drawNotes(s, v))), "\n")
}

// renderScreen draws the same for a screen, which may end before all has been told: what the
// operator should know comes first.
func renderScreen(s api.Status, v view) string {
	return strings.Join(slices.Concat([]string{drawHead(s, v)}, drawn(drawNotes(s, v)), drawTables(s, v)), "\n")
}

// drawn is a part, if it is one.
func drawn(part string) []string {
	if part == "" {
		return nil
	}
	return []string{part}
}

// drawHead is the whole in one line.
func drawHead(s api.Status, v view) string {
	if s.Cluster == nil {
		return drawLine(v, lonely(s)...)
	}
	return drawLine(v, summary(s.Cluster, s.Node)...)
}

func drawTables(s api.Status, v view) (parts []string) {
	if s.Cluster != nil && len(s.Cluster.Nodes) > 0 {
		parts = append(parts, nodesTable(s.Cluster.Nodes, s.Node).draw(v))
	}
	if len(s.VIPs) > 0 {
		parts = append(parts, vipsTable(s.VIPs, v.now).draw(v))
	}
	parts = append(parts, drawClock(s, v)...)
	parts = append(parts, drawBGP(s, v)...)
	parts = append(parts, drawRouters(s, v)...)
	parts = append(parts, drawChecks(s.Checks, v)...)
	parts = append(parts, drawServices(s, v)...)
	parts = append(parts, drawHooks(s.Converge, v)...)
	if s.Static != nil {
		parts = append(parts, staticTable(*s.Static).draw(v))
	}
	return parts
}

// drawLine draws cells side by side, and goes on in the next line where the view ends.
func drawLine(v view, cells ...cell) string {
	const gap = "   "
	var b strings.Builder
	column := 0
	for _, c := range cells {
		text := clean(c.text)
		size := utf8.RuneCountInString(text)
		switch {
		case column == 0:
		case v.width > 0 && column+len(gap)+size > v.width:
			b.WriteString("\n")
			column = 0
		default:
			b.WriteString(gap)
			column += len(gap)
		}
		b.WriteString(v.paint(wrap(text, v.width), c.style))
		column += size
	}
	return b.String() + "\n"
}

// lonely is a node without a cluster in one line.
func lonely(s api.Status) []cell {
	cells := []cell{{"node " + s.Node, heading}, word("no cluster")}
	if len(s.VRRP) > 0 && s.VRRP[0].Fence != "" {
		cells = append(cells, word("fence "+s.VRRP[0].Fence))
	}
	return cells
}

// summary is the cluster in one line, as the node self sees it.
func summary(c *api.Cluster, self string) []cell {
	leader, quorum := word("leader "+c.Leader), word("quorum")
	if c.Leader == "" {
		leader = cell{"no leader", bad}
	}
	if !c.Quorum {
		quorum = cell{"no quorum", bad}
	}
	term := "term " + strconv.FormatUint(c.Term, 10)
	return []cell{{"cluster " + c.Name, heading}, stateCell(c.State), leader, word(term), quorum, word("seen from " + self)}
}

func stateCell(state string) cell {
	switch state {
	case api.StateOK:
		return cell{state, good}
	case api.StateElecting:
		return cell{state, doubtful}
	}
	return cell{state, bad}
}

func nodesTable(nodes []api.Node, self string) table {
	t := table{header: []string{"NODE", "ROLE", "HEALTH", "FENCE", "PRIORITY", "ADDRESS", "VERSION", "NOTE"}}
	for _, n := range nodes {
		t.rows = append(t.rows, []cell{
			word(n.Name), roleCell(n.Role), healthCell(n), word(n.Fence), ranked(cmp.Or(n.EffectivePriority, n.Priority), n.Priority),
			word(n.Address), word(n.Version), noteCell(n, self),
		})
	}
	return t
}

func roleCell(role string) cell {
	switch role {
	case api.RoleLeader:
		return cell{role, good}
	case api.RoleCandidate:
		return cell{role, doubtful}
	case api.RoleUnreachable:
		return cell{role, bad}
	}
	return word(role)
}

func healthCell(n api.Node) cell {
	switch {
	case n.Role == api.RoleUnreachable:
		return word("")
	case n.Healthy && n.Health == api.HealthUnknown:
		return cell{n.Health, doubtful}
	case n.Healthy:
		return cell{"ok", good}
	}
	return cell{"sick", bad}
}

// noteCell says what sets a node apart.
func noteCell(n api.Node, self string) cell {
	var notes []string
	note := cell{style: plain}
	if n.Name == self {
		notes = append(notes, "this node")
	}
	if n.Drained {
		notes, note.style = append(notes, "drained"), doubtful
	}
	if !n.Voter {
		notes = append(notes, "no voter")
	}
	if n.Why != "" && !n.Drained {
		notes = append(notes, n.Why)
	}
	if !n.HeldDown.IsZero() {
		note.style = doubtful
	}
	if n.Error != "" {
		note.style = bad
	}
	if n.Error != "" && (n.Why == "" || !strings.HasSuffix(n.Error, n.Why)) {
		notes = append(notes, n.Error)
	}
	note.text = strings.Join(notes, ", ")
	return note
}

func vipsTable(vips []api.VIP, now time.Time) table {
	t := table{header: []string{"VIP", "INTERFACE", "OWNER", "HELD", "SINCE", "REASON"}}
	for _, vip := range vips {
		t.rows = append(t.rows, []cell{
			word(vip.Address), word(vip.Interface), ownerCell(vip), heldCell(vip),
			word(age(vip.Since, now)), reasonCell(vip),
		})
	}
	return t
}

func ownerCell(vip api.VIP) cell {
	if vip.Owner == "" {
		return cell{"nobody", bad}
	}
	return word(vip.Owner)
}

func heldCell(vip api.VIP) cell {
	if vip.Held {
		return cell{"yes", good}
	}
	return cell{"no", bad}
}

func reasonCell(vip api.VIP) cell {
	text := vip.Reason
	if vip.Readded > 0 {
		text += fmt.Sprintf(" (removed by somebody else and put back: %d)", vip.Readded)
	}
	if c := vip.Conflict; c != nil {
		text += fmt.Sprintf(" (claimed by another host, %s: %d)", c.MAC, c.Count)
	}
	return word(strings.TrimSpace(text))
}

// drawNotes draws the warnings and what else is out of the ordinary.
func drawNotes(s api.Status, v view) string {
	var b strings.Builder
	for _, w := range s.Warnings {
		b.WriteString(v.paint(wrap("warning: "+clean(w), v.width), doubtful) + "\n")
	}
	if s.Cluster != nil {
		for _, n := range s.Cluster.Nodes {
			if n.Mended != nil {
				b.WriteString(wrap(clean(mendedLine(n.Name, *n.Mended, v.now)), v.width) + "\n")
			}
		}
	}
	if s.Cluster != nil && s.Cluster.Refused > 0 {
		refused := fmt.Sprintf("connections to the cluster port of %s turned away: %d", clean(s.Node), s.Cluster.Refused)
		b.WriteString(wrap(refused, v.width) + "\n")
	}
	return b.String()
}

// mendedLine says what others did to a node's fence.
func mendedLine(node string, m api.Mended, now time.Time) string {
	times := "times"
	if m.Count == 1 {
		times = "time"
	}
	line := fmt.Sprintf("fence of %s mended %d %s, last %s ago: %s", node, m.Count, times, age(m.Last, now), m.Found)
	if m.Interface != "" {
		line += " on " + m.Interface
	}
	return line
}

// age is the time since t in its two largest units.
func age(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := max(now.Sub(t), 0)
	days, hours := d/(24*time.Hour), d/time.Hour%24
	minutes, seconds := d/time.Minute%60, d/time.Second%60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%02dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm%02ds", minutes, seconds)
	}
	return fmt.Sprintf("%ds", seconds)
}

// outageOf is for how long nobody held the VIPs before a move, as far as it is known.
func outageOf(m api.Move) string {
	outage := m.Outage.Round(100 * time.Microsecond).String()
	switch m.OutageKnown {
	case api.OutageAtMost:
		return "≤ " + outage
	case api.OutageAbout:
		return "≈ " + outage
	}
	return ""
}

// renderHistory draws the moves, the latest last.
func renderHistory(moves []api.Move, v view) string {
	if len(moves) == 0 {
		return "the VIPs have had no owner yet\n"
	}
	t := table{header: []string{"TIME", "TERM", "FROM", "→", "TO", "OUTAGE", "REASON"}}
	for _, m := range moves {
		when := m.Time.In(v.now.Location()).Format("2006-01-02 15:04:05 MST")
		t.rows = append(t.rows, []cell{
			word(when), word(strconv.FormatUint(m.Term, 10)), word(m.From), word("→"), word(m.To), word(outageOf(m)), word(m.Reason),
		})
	}
	return t.draw(v)
}
