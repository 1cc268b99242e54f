package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// width is that of all pictures.
const width = 860

// style is for light pages, and for dark ones. Who ignores the latter sees the former, whose
// colours can be read on both.
const style = `<style>
text{font:12px sans-serif;fill:#59636e}
.title{font-weight:bold}
.end{text-anchor:end}.middle{text-anchor:middle}
path{fill:none;stroke-width:1}
.axis{stroke:#818b98}.grid{stroke:#818b98;stroke-opacity:.25}
.c0{stroke:#2f81f7}.c1{stroke:#bc6b00}.c2{stroke:#2da44e}.c3{stroke:#8250df}
.line{stroke-width:2}.mark{stroke:#cf222e;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#b1bac4}.mark{stroke:#ff7b72}.c1{stroke:#e3a008}.c3{stroke:#a371f7}}
</style>
`

// colours is how many classes of lines there are.
const colours = 4

// picture is one that is being drawn.
type picture struct{ bytes.Buffer }

func (p *picture) text(class string, x, y float64, s string) {
	fmt.Fprintf(p, `<text class="%s" x="%s" y="%s">`, class, px(x), px(y))
	_ = xml.EscapeText(p, []byte(s)) // into memory
	p.WriteString("</text>\n")
}

func (p *picture) path(class, d string) { fmt.Fprintf(p, "<path class=%q d=%q/>\n", class, d) }

// svg is the whole file.
func (p *picture) svg(height float64) []byte {
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%s" viewBox="0 0 %[1]d %[2]s">`+"\n", width, px(height))
	return []byte(head + style + p.String() + "</svg>\n")
}

// px is a place, to a tenth.
func px(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}
