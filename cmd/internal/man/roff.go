package man

import (
	"fmt"
	"regexp"
	"strings"
)

// page is a manual page that is being written, in the macros of man(7).
type page struct {
	strings.Builder
	headed bool // a heading was written last: behind it a paragraph begins by itself
}

// newPage begins the page of a name, in a section of the manual. The version is that of perch.
func newPage(name, section, version string) *page {
	p := &page{}
	p.macro("TH", strings.ToUpper(name), section, "", "perch "+version, "perch manual")
	return p
}

// macro writes a macro with its arguments.
func (p *page) macro(name string, args ...string) {
	if p.headed && name == "PP" {
		return
	}
	p.headed = name == "SH" || name == "SS"
	p.WriteString("." + name)
	for _, a := range args {
		fmt.Fprintf(p, ` "%s"`, strings.ReplaceAll(escape(a), `"`, `\(dq`))
	}
	p.WriteString("\n")
}

// line writes text that is marked up already.
func (p *page) line(text string) {
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	p.WriteString(text + "\n")
	p.headed = false
}

// paragraph writes text that is filled.
func (p *page) paragraph(text string) {
	p.macro("PP")
	p.fill(text)
}

// fill writes text that goes on in the paragraph.
func (p *page) fill(text string) { p.line(inline(strings.Join(strings.Fields(text), " "))) }

// verbatim writes lines as they are.
func (p *page) verbatim(lines []string) {
	p.macro("PP")
	p.macro("RS", "4")
	p.macro("nf")
	for _, l := range lines {
		p.line(escape(l))
	}
	p.macro("fi")
	p.macro("RE")
}

// entry writes a term and what it means.
func (p *page) entry(term, meaning string) {
	p.macro("TP")
	p.line(inline(term))
	p.fill(meaning)
}

// escape has each character stand for itself: a hyphen is not to become a dash of typography,
// which no shell knows.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", "\\`", "'", `\(aq`, "^", `\(ha`, "~", `\(ti`).Replace(text)
}

var (
	code = regexp.MustCompile("`([^`]+)`")
	bold = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	link = regexp.MustCompile(`\[([^\]]*)\]\([^)\s]*\)`)
)

// inline turns what Markdown marks within a line into the fonts of a page.
func inline(text string) string {
	var b strings.Builder
	for text != "" {
		at := code.FindStringSubmatchIndex(text)
		if at == nil {
			b.WriteString(prose(text))
			break
		}
		b.WriteString(prose(text[:at[0]]))
		b.WriteString(`\fB` + escape(text[at[2]:at[3]]) + `\fR`)
		text = text[at[1]:]
	}
	return b.String()
}

// prose is inline for text without code in it.
func prose(text string) string {
	text = link.ReplaceAllString(text, "$1")
	return bold.ReplaceAllString(escape(text), `\fB$1\fR`)
}
