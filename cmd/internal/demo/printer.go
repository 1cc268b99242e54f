package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// printer writes the story for a person to read.
type printer struct {
	out         io.Writer
	bold, plain string // empty without colour
}

func newPrinter(o Options) *printer {
	p := &printer{out: o.Out}
	if o.Colour {
		p.bold, p.plain = "\x1b[1m", "\x1b[0m"
	}
	return p
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

func (p *printer) detail(format string, args ...any) { p.line("    "+format, args...) }

func (p *printer) opening(s *stage) {
	p.line("%sperch demo%s: three nodes and a client, each in a network namespace of its own.", p.bold, p.plain)
	p.line("Nothing of this machine's own network is touched, and all of it is gone at the end.\n")
	for _, h := range s.lab.Hosts() {
		if h != s.asker {
			p.detail("%-8s %-14s %s", h.Name, h.Eth0.IPv4.Addr(), h.Eth0.IPv6.Addr())
		}
	}
	p.detail("%-8s %-14s %s", "VIPs", s.vips[0], s.vips[1])
	p.line("\nThe client pings both VIPs every millisecond, from now on.\n")
}

// command shows a command and what it printed.
func (p *printer) command(name, output string) {
	p.line("\n    %s$ %s%s", p.bold, name, p.plain)
	for line := range strings.Lines(output) {
		p.detail("%s", strings.TrimRight(line, "\n"))
	}
}

func (p *printer) act(label, title, owner string) {
	p.line("\n%s%s "+title+"%s", p.bold, label, owner, p.plain)
}

// move tells who owns the VIPs now.
func (p *printer) move(o outcome) {
	if o.from == o.to {
		p.detail("%s owns the VIPs, as before.", o.to)
	} else {
		p.detail("%s -> %s", o.from, o.to)
	}
}

// handover tells when a node that is cut off let go, and when another took over.
func (p *printer) handover(o outcome) {
	if o.released == 0 {
		p.detail("%s, cut off, still had the VIPs when %s took them after %s.", o.from, o.to, inMillis(o.taken))
		return
	}
	p.detail("%s, cut off, gave the VIPs up after %s; %s took them after %s.",
		o.from, inMillis(o.released), o.to, inMillis(o.taken))
}

// leftBehind tells of the addresses that a killed perch could not take away.
func (p *printer) leftBehind(o outcome) {
	if o.several > 0 {
		p.detail("The kernel of %s went on answering beside %s for %s, until the addresses,", others(o), o.to, inMillis(o.several))
		p.detail("which perch only lends to it, ran out.")
	}
}

// surprise tells of a move that nobody asked for.
func (p *printer) surprise(o outcome, moves []api.Move) {
	why := "unknown"
	if len(moves) > 0 {
		why = moves[len(moves)-1].Reason
	}
	p.line("\nMeanwhile the VIPs moved by themselves: %s -> %s (perch history: %s).", o.from, o.to, why)
	p.detail("A busy machine does that to the fast profile; try --failover normal.")
	p.silence(o)
}

// others names the nodes that answered beside the new owner.
func others(o outcome) string {
	var list []string
	for _, name := range o.answering {
		if name != o.to {
			list = append(list, name)
		}
	}
	return strings.Join(list, " and ")
}

func (p *printer) silence(o outcome) {
	p.detail("Longest silence for the client: %s by IPv4, %s by IPv6.", o.outage(0), o.outage(1))
}

func (p *printer) table(outcomes []outcome) {
	p.line("\n%sWhat the client saw%s\n", p.bold, p.plain)
	w := tabwriter.NewWriter(p.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "    EVENT\tOUTAGE IPV4\tIPV6\tOWNER\tANSWERING AFTERWARDS")
	for _, o := range outcomes {
		fmt.Fprintf(w, "    %s\t%s\t%s\t%s\t%s\n", o.name, o.outage(0), o.outage(1), o.owner(), o.afterwards())
	}
	_ = w.Flush()
	p.line("\nAn outage is the longest time between two answers. With \"<\" it was no longer than")
	p.line("such times were before the event, while nothing happened.")
}

// outage writes the outage of one VIP, or that it was lost in the noise.
func (o outcome) outage(vip int) string {
	gap := o.outages[vip].Gap
	if gap <= o.quiet {
		step := stepOf(o.quiet)
		return "< " + inMillis(o.quiet.Truncate(step)+step)
	}
	return inMillis(gap)
}

func (o outcome) owner() string {
	if o.from == o.to {
		return o.to + ", unchanged"
	}
	return o.from + " -> " + o.to
}

func (o outcome) afterwards() string {
	if o.several == 0 {
		return strings.Join(o.answering, ", ")
	}
	return fmt.Sprintf("%s for %s, then %s", strings.Join(o.answering, " and "), inMillis(o.several), o.to)
}

// logs shows the end of every node's log.
func (p *printer) logs(c *lab.Cluster) {
	for _, n := range c.Nodes {
		p.line("\n%sLast lines of the log of %s%s", p.bold, n.Name, p.plain)
		p.line("%s", n.LogTail(15))
	}
	p.line("")
}

// inMillis writes a duration in milliseconds, with a fraction where it counts.
func inMillis(d time.Duration) string {
	rounded := d.Round(stepOf(d))
	if stepOf(rounded) < time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(rounded)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%d ms", rounded.Milliseconds())
}

// stepOf returns how finely inMillis writes a duration.
func stepOf(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return 100 * time.Microsecond
	}
	return time.Millisecond
}
