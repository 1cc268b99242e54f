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

// draw returns the lines of the table, cut to a view's width.
func (t table) draw(v view) string {
	head := make([]cell, len(t.header))
	for i, name := range t.header {
		head[i] = cell{name, heading}
	}
	rows := append([][]cell{head}, t.rows...)
	widths := columnWidths(rows)
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

func drawRow(row []cell, widths []int, v view) string {
	var b strings.Builder
	column := 0
	for i, c := range row {
		if i == len(row)-1 {
			b.WriteString(v.paint(fit(clean(c.text), column, v.width), c.style))
			break
		}
		text := shown(c.text)
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		b.WriteString(v.paint(fit(text, column, v.width), c.style) + pad + columnGap)
		column += widths[i] + len(columnGap)
	}
	return strings.TrimRight(b.String(), " ")
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
