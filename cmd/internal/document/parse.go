package document

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Parse has the document read as a perch.toml. Mistakes and warnings name the places that
// their lines came from, without columns; path is the file that lines from nowhere are said of.
// hostname is the default of node.name. The error is a config.Mistakes.
func (d *Document) Parse(path, hostname string) (*config.Config, []config.Warning, error) {
	return d.Render().Parse(path, hostname)
}

// Parse does the same for a document that has been rendered.
func (r *Rendered) Parse(path, hostname string) (*config.Config, []config.Warning, error) {
	if len(r.Text) > config.MaxSize {
		return nil, nil, config.Mistakes{{File: path, Line: 1, Text: fmt.Sprintf("becomes a perch.toml of %d MiB, and perch takes 16 MiB at most", len(r.Text)>>20)}}
	}
	c, warnings, err := config.Parse(path, r.Text, hostname)
	for i, w := range warnings {
		at := r.placeOr(w.Line, path)
		warnings[i] = config.Warning{File: at.File, Line: at.Line, Text: r.replaceLines(w.Text)}
	}
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		for i, m := range mistakes {
			at := r.placeOr(m.Line, path)
			mistakes[i] = config.Mistake{File: at.File, Line: at.Line, Text: r.replaceLines(m.Text)}
		}
	}
	return c, warnings, err
}

// placeOr returns where a line came from; one from nowhere is said of the file as a whole.
func (r *Rendered) placeOr(line int, path string) Place {
	if at := r.Place(line); at != (Place{}) {
		return at
	}
	return Place{File: path, Line: 1}
}

// replaceLines has a text name the places that lines came from, where it names lines.
func (r *Rendered) replaceLines(text string) string {
	const onLine = "on line "
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, onLine)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits := after[:len(after)-len(strings.TrimLeft(after, "0123456789"))]
		line, err := strconv.Atoi(digits)
		if at := r.Place(line); err == nil && at != (Place{}) {
			b.WriteString("at " + at.String())
			text = after[len(digits):]
			continue
		}
		b.WriteString(onLine)
		text = after
	}
}

// String returns FILE:LINE.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }
