package plot

import (
	"fmt"
	"strings"
)

// Point is a measurement: both are above 0, or it has no place.
type Point struct{ X, Y float64 }

// Series is how one thing grows.
type Series struct {
	Name   string
	Points []Point // by X
}

// Panel is some series with one unit.
type Panel struct {
	Title  string // with the unit of Y
	X      string
	Series []Series
}

const (
	panels       = 3 // in a row
	panelHeight  = 230
	panelHead    = 44
	panelFoot    = 40
	panelLeft    = 44
	legendHeight = 14
)

// Lines shows panels beside each other, three in a row.
func Lines(list []Panel) []byte {
	var p picture
	for i, panel := range list {
		p.panel(panel, float64(i%panels)*width/panels, float64(i/panels)*panelHeight)
	}
	return p.svg(float64((len(list)+panels-1)/panels) * panelHeight)
}

// panel draws one whose upper left corner is at x and y.
func (p *picture) panel(panel Panel, x, y float64) {
	var xs, ys []float64
	for _, s := range panel.Series {
		for _, point := range s.Points {
			xs, ys = append(xs, point.X), append(ys, point.Y)
		}
	}
	across := newAxis(xs, x+panelLeft, x+width/panels-margin)
	up := newAxis(ys, y+panelHeight-panelFoot, y+panelHead)
	p.text("title", x+margin, y+legendHeight, panel.Title)
	for _, tick := range up.ticks() {
		p.path("grid", fmt.Sprintf("M%s %sH%s", px(across.from), px(up.at(tick)), px(across.to)))
		p.text("end", across.from-4, up.at(tick)+4, label(tick))
	}
	for _, tick := range across.ticks() {
		p.path("axis", fmt.Sprintf("M%s %sv4", px(across.at(tick)), px(up.from)))
		p.text("middle", across.at(tick), up.from+17, label(tick))
	}
	p.path("axis", fmt.Sprintf("M%s %sV%sH%s", px(across.from), px(up.to), px(up.from), px(across.to)))
	p.text("middle", (across.from+across.to)/2, up.from+32, panel.X)
	legend := x + margin
	for i, s := range panel.Series {
		class := fmt.Sprintf("c%d line", i%colours)
		p.path(class, fmt.Sprintf("M%s %sh14", px(legend), px(y+2*legendHeight-4)))
		p.text("", legend+18, y+2*legendHeight, s.Name)
		legend += 34 + 7*float64(len(s.Name))
		p.series(class, s, across, up)
	}
}

func (p *picture) series(class string, s Series, across, up axis) {
	var d strings.Builder
	for _, point := range s.Points {
		if point.X <= 0 || point.Y <= 0 {
			continue
		}
		verb := "L"
		if d.Len() == 0 {
			verb = "M"
		}
		fmt.Fprintf(&d, "%s%s %s", verb, px(across.at(point.X)), px(up.at(point.Y)))
	}
	if d.Len() > 0 {
		p.path(class, d.String())
	}
}
