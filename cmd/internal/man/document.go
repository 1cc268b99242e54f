package man

import "strings"

// Config returns the page of the config file, perch.toml(5), of the text of docs/config.md.
func Config(markdown, version string) string {
	p := newPage("perch.toml", "5", version)
	p.macro("SH", "NAME")
	p.line(`perch.toml \- the config file of perch`)
	p.macro("SH", "DESCRIPTION")
	_, body, _ := strings.Cut(markdown, "\n") // the title
	p.document(strings.Split(body, "\n"))
	p.macro("SH", "SEE ALSO")
	p.line(`\fBperch\fR(1), \fBperch\-serve\fR(1), \fBperch\-check\fR(1)`)
	return p.String()
}

// document writes the lines of a document in Markdown: headings, paragraphs, lists, tables
// and what is to stay as it is.
func (p *page) document(lines []string) {
	for len(lines) > 0 {
		first := lines[0]
		switch {
		case strings.TrimSpace(first) == "":
			lines = lines[1:]
		case strings.HasPrefix(first, "#"):
			p.heading(first)
			lines = lines[1:]
		case strings.HasPrefix(first, "```"):
			block, rest := while(lines[1:], func(l string) bool { return !strings.HasPrefix(l, "```") })
			p.verbatim(block)
			lines = rest[min(1, len(rest)):]
		case strings.HasPrefix(first, "    "):
			block, rest := while(lines, func(l string) bool { return strings.HasPrefix(l, "    ") })
			p.verbatim(strings.Split(strings.ReplaceAll("\n"+strings.Join(block, "\n"), "\n    ", "\n")[1:], "\n"))
			lines = rest
		case strings.HasPrefix(first, "|"):
			table, rest := while(lines, func(l string) bool { return strings.HasPrefix(l, "|") })
			p.table(table)
			lines = rest
		case strings.HasPrefix(first, "- "):
			lines = p.item(lines)
		default:
			text, rest := while(lines, func(l string) bool { return l != "" && !strings.HasPrefix(l, "```") && !strings.HasPrefix(l, "|") })
			p.paragraph(strings.Join(text, " "))
			lines = rest
		}
	}
}

// while returns the lines at the beginning that are so, one at least, and the others.
func while(lines []string, so func(string) bool) (these, rest []string) {
	n := 0
	for n < len(lines) && so(lines[n]) {
		n++
	}
	return lines[:n], lines[n:]
}

func (p *page) heading(line string) {
	level := len(line) - len(strings.TrimLeft(line, "#"))
	text := strings.ReplaceAll(strings.TrimSpace(line[level:]), "`", "")
	if level <= 2 {
		p.macro("SH", text)
		return
	}
	p.macro("SS", text)
}

// item writes one of a list, whose further lines are indented.
func (p *page) item(lines []string) (rest []string) {
	more, rest := while(lines[1:], func(l string) bool { return strings.HasPrefix(l, "  ") && strings.TrimSpace(l) != "" })
	p.macro("IP", "*", "2")
	p.fill(strings.TrimPrefix(lines[0], "- ") + " " + strings.Join(more, " "))
	return rest
}

// table writes the rows of a table as a list, each under its first cell.
func (p *page) table(rows []string) {
	heads := cells(rows[0])
	for _, row := range rows[min(2, len(rows)):] {
		var said []string
		all := cells(row)
		for i, cell := range all[1:] {
			switch {
			case cell == "":
			case i+2 == len(heads) || heads[i+1] == "":
				said = append(said, cell)
			default:
				said = append(said, heads[i+1]+": "+cell+".")
			}
		}
		p.entry(all[0], strings.Join(said, " "))
	}
}

// cells returns what is in a row of a table. A bar in a cell is written with a backslash.
func cells(row string) []string {
	const bar = "\x00"
	row = strings.Trim(strings.TrimSpace(strings.ReplaceAll(row, `\|`, bar)), "|")
	list := strings.Split(row, "|")
	for i, c := range list {
		list[i] = strings.ReplaceAll(strings.TrimSpace(c), bar, "|")
	}
	return list
}
