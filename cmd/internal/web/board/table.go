package board

// heading begins a section's content.
func (w *writer) heading(title string) *writer {
	return w.raw("<h2>").raw(title).raw("</h2>")
}

// table begins a table. A column whose name ends in # is of numbers; one that begins
// with - is left out where there is little room.
func (w *writer) table(caption string, columns ...string) *writer {
	w.raw("<table><caption>").raw(caption).raw("</caption><thead><tr>")
	for _, c := range columns {
		class := ""
		if c[len(c)-1] == '#' {
			c, class = c[:len(c)-1], "n"
		}
		if c[0] == '-' {
			c, class = c[1:], class+" w"
		}
		w.raw(`<th scope="col"`)
		if class != "" {
			w.raw(` class="`).raw(class).raw(`"`)
		}
		w.raw(">").raw(c).raw("</th>")
	}
	return w.raw("</tr></thead><tbody>")
}

func (w *writer) endTable() *writer { return w.raw("</tbody></table>") }

// rest tells of those that were left out.
func (w *writer) rest(shown, all int, what string) *writer {
	if shown >= all {
		return w
	}
	return w.raw(`<p class="rest">and `).int(all - shown).raw(" more ").raw(what).raw("; <code>perch status</code> has all</p>")
}

// small appends a line below what is in a cell, if there is something.
func (w *writer) small(s string) *writer {
	if s == "" {
		return w
	}
	return w.raw("<small>").text(s).raw("</small>")
}

// told appends the name of a node, and from when it is what is shown of it.
func (w *writer) told(p *party) *writer {
	w.text(p.Node)
	if p.stale != "" {
		w.raw(` <small class="old">as of `).time(p.seen).raw("</small>")
	}
	return w
}

// missing says of which nodes nothing is shown.
func (w *writer) missing(all []party) *writer {
	for i := range all {
		if all[i].missing != "" {
			w.raw(`<p class="rest">`).text(all[i].Node).raw(": ").text(all[i].missing).raw("</p>")
		}
	}
	return w
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
