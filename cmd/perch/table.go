package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// style is what a piece of text tells by its colour.
type style int

const (
	plain style = iota
	good
	bad
	doubtful
	heading
)

// paint puts colour around text, or nothing.
type paint func(text string, s style) string

func noColour(text string, _ style) string { return text }

func ansiColour(text string, s style) string {
	codes := map[style]string{good: "32", bad: "31;1", doubtful: "33", heading: "1"}
	code, ok := codes[s]
	if !ok || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// cell is one field of a table.
type cell struct {
	text  string
	style style
}

// word is a cell without a style of its own.
func word(text string) cell { return cell{text: text} }

// table is drawn with columns as wide as their widest cell.
type table struct {
	header []string
	rows   [][]cell
}

const columnGap = "  "

// narrowestColumn is what columns keep when room is scarce.
const narrowestColumn = 6

// draw returns the lines of the table. Where a view is too narrow the widest columns are cut, so
// that each is seen, and the last one goes on below.
func (t table) draw(v view) string {
	head := make([]cell, len(t.header))
	for i, name := range t.header {
		head[i] = cell{name, heading}
	}
	rows := append([][]cell{head}, t.rows...)
	widths := columnWidths(rows)
	last := len(widths) - 1
	squeeze(widths[:last], v.width)
	if room := roomBehind(widths[:last], v.width); utf8.RuneCountInString(head[last].text) > room && v.width > 0 {
		head[last].text = "" // what goes on below needs no name
	}
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(drawRow(row, widths, v) + "\n")
	}
	return b.String()
}

func columnWidths(rows [][]cell) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(shown(c.text)))
		}
	}
	return widths
}

// roomBehind is what is left of a width behind columns.
func roomBehind(widths []int, width int) int {
	for _, w := range widths {
		width -= w + len(columnGap)
	}
	return width
}

// squeeze makes the widest columns narrower until all have room in a width; 0 is no limit.
func squeeze(widths []int, width int) {
	if width == 0 || len(widths) == 0 {
		return
	}
	for over := -roomBehind(widths, width); over > 0; over-- {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowestColumn {
			return
		}
		widths[widest]--
	}
}

func drawRow(row []cell, widths []int, v view) string {
	var b strings.Builder
	column := 0
	for i, c := range row {
		if i == len(row)-1 {
			last := drawLast(c, column, v)
			if strings.HasPrefix(last, "\n") {
				return strings.TrimRight(b.String(), " ") + last
			}
			b.WriteString(last)
			break
		}
		text := middle(shown(c.text), widths[i])
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		b.WriteString(v.paint(fit(text, column, v.width), c.style) + pad + columnGap)
		column += widths[i] + len(columnGap)
	}
	return strings.TrimRight(b.String(), " ")
}

// drawLast draws the last cell of a row, below it if there is no room behind.
func drawLast(c cell, column int, v view) string {
	const indent = "    "
	text := clean(c.text)
	if v.width == 0 || column+utf8.RuneCountInString(text) <= v.width {
		return v.paint(text, c.style)
	}
	if v.width <= narrowestColumn+len(indent) {
		return v.paint(fit(text, column, v.width), c.style)
	}
	return "\n" + indent + v.paint(strings.ReplaceAll(wrap(text, v.width-len(indent)), "\n", "\n"+indent), c.style)
}

// middle cuts text to a width in its middle: names and addresses differ at their ends.
func middle(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	head := (width - 1) / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(width-1-head):])
}

// wrap breaks text into lines of a width, at spaces where it can; 0 is no limit.
func wrap(text string, width int) string {
	runes := []rune(text)
	var lines []string
	for width > 0 && len(runes) > width {
		end, next := width, width
		for i := width; i > 0 && i >= width/2; i-- {
			if runes[i] == ' ' {
				end, next = i, i+1
				break
			}
		}
		lines = append(lines, string(runes[:end]))
		runes = runes[next:]
	}
	return strings.Join(append(lines, string(runes)), "\n")
}

// shown is a cell's text: a dash where there is none, so that columns can be
// counted. Only the last one may be empty.
func shown(text string) string {
	if text == "" {
		return "-"
	}
	return clean(text)
}

// fit cuts text that begins at a column to a width; 0 is no limit.
func fit(text string, column, width int) string {
	room := width - column
	if width == 0 || utf8.RuneCountInString(text) <= room {
		return text
	}
	if room < 1 {
		return ""
	}
	return string([]rune(text)[:room-1]) + "…"
}

// clean replaces what would move a terminal's cursor or hide text: names and
// errors come from other nodes and from files.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
