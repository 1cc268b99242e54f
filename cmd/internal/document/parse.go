package document

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Parse has the document read as a perch.toml. Mistakes and warnings name the places that
// their lines came from, without columns. path names lines that came from nowhere; hostname
// is the default of node.name. The error is a config.Mistakes.
func (d *Document) Parse(path, hostname string) (*config.Config, []config.Warning, error) {
	return d.Render().Parse(path, hostname)
}

// Parse does the same for a document that has been rendered.
func (r *Rendered) Parse(path, hostname string) (*config.Config, []config.Warning, error) {
	c, warnings, err := config.Parse(path, r.Text, hostname)
	for i, w := range warnings {
		if at := r.Place(w.Line); at != (Place{}) {
			warnings[i] = config.Warning{File: at.File, Line: at.Line, Text: r.translate(w.Text, at)}
		}
	}
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		for i, m := range mistakes {
			if at := r.Place(m.Line); at != (Place{}) {
				mistakes[i] = config.Mistake{File: at.File, Line: at.Line, Text: r.translate(m.Text, at)}
			}
		}
	}
	return c, warnings, err
}

// onLine goes before the numbers of lines in what package config says.
const onLine = "on line "

// translate has a text that is about a place name lines by where they came from.
func (r *Rendered) translate(text string, about Place) string {
	before, after, found := strings.Cut(text, onLine)
	if !found {
		return text
	}
	rest := strings.TrimLeft(after, "0123456789")
	number := after[:len(after)-len(rest)]
	rest = r.translate(rest, about)
	line, _ := strconv.Atoi(number) // there is no line 0
	switch at := r.Place(line); {
	case at == Place{}:
		return before + onLine + number + rest
	case at.File != about.File:
		return before + "at " + at.String() + rest
	default:
		return before + onLine + strconv.Itoa(at.Line) + rest
	}
}

// String returns FILE:LINE.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }
