package keepalived

import (
	"fmt"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// heaviest is the most that a weight may be in perch.
const heaviest = 253

// writeChecks says in [[check]] what is tracked.
func (im *importer) writeChecks() {
	for _, w := range im.routing.watches {
		switch {
		case w.write == nil: // it was refused
		case w.checked && !w.tracked: // its servers have it
		case !w.tracked:
			im.untracked(w)
		default:
			im.writeCheck(w)
		}
	}
}

// untracked remarks on what is left out, since nothing here would ask for it.
func (im *importer) untracked(w *watch) {
	if w.by != nil {
		im.remark(w.by, "no virtual router tracks it: it is left out")
	}
}

func (im *importer) writeCheck(w *watch) {
	t := im.doc.Element("check", place(w.at))
	t.Comments = im.claim(w.by)
	t.Set("name", document.Text(w.title), place(w.at))
	w.write(t)
	c := w.inPerch(w.weight)
	if c.value != 0 || w.kind == watchesFile {
		im.set(t, "weight", document.Number(c.value), c.by)
	}
	if c.reverse {
		t.Set("reverse", document.Flag(true), place(c.by))
	}
	if w.by != nil {
		t.Comments = append(t.Comments, im.rest(w.by.Block)...)
	}
}

// inPerch returns a weight as perch has it. What is reversed there has the opposite effect
// on the priority, and here what counts as failed is turned round. Those of a file say the same
// in both.
func (w *watch) inPerch(there weight) weight {
	here := there
	here.value = min(max(there.value, -heaviest), heaviest)
	if there.reverse && w.kind != watchesFile {
		here.value = -here.value
	}
	return here
}

// writeTracks lists what counts for a router or a group.
func (im *importer) writeTracks(t *document.Table, by *syntax.Statement, references []reference) {
	l := &list{comments: im.above(by, "track_interface", "track_script", "track_file", "track_process", "track_bfd")}
	for _, ref := range references {
		w, by := ref.watch, ref.by
		if most := max(ref.weight.value, -ref.weight.value); most > heaviest {
			im.remark(by, fmt.Sprintf("has weight %d, of which perch makes one of %d at most", ref.weight.value, heaviest))
		}
		normal, own := w.inPerch(w.weight), w.inPerch(ref.weight)
		v := document.Text(w.title)
		p := pairs{{Name: "check", Value: v}}
		if own.value != normal.value {
			p = append(p, document.Pair{Name: "weight", Value: document.Number(own.value)})
		}
		if own.reverse != normal.reverse {
			p = append(p, document.Pair{Name: "reverse", Value: document.Flag(own.reverse)})
		}
		if len(p) > 1 {
			v = document.Inline(p...)
		}
		im.add(l, v, by)
	}
	l.write(t, "track")
}

// pulse is how often something is looked at, and how many looks make a verdict.
type pulse struct {
	fast       time.Duration // 0 for as often as always
	rise, fall int
}

// delayed returns a pulse for verdicts that wait so long after the first look that differs.
func delayed(up, down time.Duration) pulse {
	const least = 10 * time.Millisecond
	if up == 0 && down == 0 {
		return pulse{0, 1, 1}
	}
	step := max(common(up.Round(least), down.Round(least)), least)
	for up/step >= 1000 || down/step >= 1000 {
		step *= 2
	}
	looks := func(d time.Duration) int { return int((d+step-1)/step) + 1 }
	return pulse{step, looks(up), looks(down)}
}

// common returns the greatest common divisor.
func common(a, b time.Duration) time.Duration {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (p pulse) write(t *document.Table, at document.Place) {
	if p.fast == 0 {
		return
	}
	t.Set("interval", document.Duration(max(p.fast, time.Second)), at)
	if p.fast < time.Second {
		t.Set("fast_interval", document.Duration(p.fast), at)
	}
	t.Set("rise", document.Number(p.rise), at)
	t.Set("fall", document.Number(p.fall), at)
}

func (im *importer) interfaceWriter(name string) func(*document.Table) {
	return func(t *document.Table) {
		t.Set("kind", document.Text("interface"), document.Place{})
		t.Set("target", document.Text(name), document.Place{})
		if delay, ok := im.routing.linkDelays[name]; ok {
			delayed(delay.up, delay.down).write(t, place(delay.by))
		}
	}
}

func (im *importer) fileWriter(f *trackFile) func(*document.Table) {
	if !f.path.given() {
		return nil
	}
	return func(t *document.Table) {
		im.put(t, f.settings())
	}
}

// settings are the keys for where the number is, and what it is while there is no file.
func (f *trackFile) settings() (l settings) {
	l.add("kind", document.Text("file"), nil)
	l.add("target", document.Text(f.path.value), f.path.by)
	l.add("number", document.Flag(true), nil)
	l.add("missing", document.Number(f.initial.value), f.initial.by)
	return l
}

func (im *importer) processWriter(p *trackProcess) func(*document.Table) {
	if !p.argv.given() {
		return nil
	}
	return func(t *document.Table) {
		t.Set("kind", document.Text("process"), place(p.by))
		argv := p.argv.value
		if len(argv) > 1 || p.whole || strings.Contains(argv[0], "/") || len(argv[0]) > longestName {
			im.set(t, "command", document.Text(strings.Join(argv, " ")), p.argv.by)
			im.remark(p.by, "perch looks for "+quoted(strings.Join(argv, " "))+" anywhere in a command line")
		} else {
			im.set(t, "target", document.Text(argv[0]), p.argv.by)
		}
		none := p.quorumMax.is(1) == 0 && p.quorum.is(1) == 1 // which wants no quorum there, either
		if p.quorum.given() && !none {
			im.set(t, "quorum", document.Number(p.quorum.value), p.quorum.by)
		}
		if p.quorumMax.given() {
			im.set(t, "quorum_max", document.Number(p.quorumMax.value), p.quorumMax.by)
		}
		delayed(p.forked.value, p.end.value).write(t, place(firstBy(p.forked.by, p.end.by)))
	}
}

// The least times between looks at a neighbor, and at what is behind routers, from where an
// answer takes longer.
const (
	nearPulse = 50 * time.Millisecond
	farPulse  = 200 * time.Millisecond
)

func (im *importer) bfdWriter(b *bfd) func(*document.Table) {
	if !b.neighbor.given() {
		return nil
	}
	return func(t *document.Table) {
		kind, least := "gateway", nearPulse
		if b.multihop.value || b.hops.value != 0 {
			kind, least = "icmp", farPulse
		}
		t.Set("kind", document.Text(kind), place(b.by))
		im.set(t, "target", document.Text(b.neighbor.value.String()), b.neighbor.by)
		if b.source.given() {
			im.set(t, "source", document.Text(b.source.value.String()), b.source.by)
		}
		every := max(b.rx.value, b.tx.value, least)
		t.Set("interval", document.Duration(every), place(firstBy(b.rx.by, b.tx.by)))
		t.Set("rise", document.Number(1), place(b.by))
		im.set(t, "fall", document.Number(b.multiplier.is(5)), b.multiplier.by)
	}
}
