package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Strip is the samples of one thing.
type Strip struct {
	Name    string
	Samples []float64
}

const (
	margin      = 12
	stripHeight = 44
	stemHeight  = 18 // of where most samples are
	stemLeast   = 4
)

// Strips shows where the samples of each thing lie on one scale of a unit: at each place a line as
// high as there are samples, and a mark at the median. Samples that are not above 0 are at the
// left end.
func Strips(unit string, strips []Strip) []byte {
	var all []float64
	for _, s := range strips {
		all = append(all, s.Samples...)
	}
	x := newAxis(all, margin, width-4*margin)
	bottom := float64(stripHeight*len(strips) + margin/2)
	var p picture
	for _, tick := range x.ticks() {
		p.path("grid", fmt.Sprintf("M%s 0V%s", px(x.at(tick)), px(bottom)))
		p.text("middle", x.at(tick), bottom+16, label(tick))
	}
	p.path("axis", fmt.Sprintf("M%s %sH%s", px(x.from), px(bottom), px(x.to)))
	p.text("", x.to+2*margin, bottom+16, unit)
	for i, s := range strips {
		p.strip(s, x, float64(stripHeight*(i+1)))
	}
	return p.svg(bottom + 24)
}

// strip draws one that stands on y.
func (p *picture) strip(s Strip, x axis, y float64) {
	counts := map[int]int{} // by place, in tenths
	most := 1
	for _, v := range s.Samples {
		place := int(math.Round(10 * x.at(max(v, x.low))))
		counts[place]++
		most = max(most, counts[place])
	}
	var places []int
	for place := range counts {
		places = append(places, place)
	}
	slices.Sort(places)
	var d strings.Builder
	for _, place := range places {
		height := stemLeast + (stemHeight-stemLeast)*float64(counts[place])/float64(most)
		fmt.Fprintf(&d, "M%s %sv-%s", px(float64(place)/10), px(y), px(height))
	}
	p.text("", x.from, y-stemHeight-8, s.Name)
	if len(s.Samples) == 0 {
		return
	}
	p.path("c0", d.String())
	sorted := slices.Sorted(slices.Values(s.Samples))
	median := sorted[(len(sorted)-1)/2]
	p.path("mark", fmt.Sprintf("M%s %sv-%d", px(x.at(max(median, x.low))), px(y+2), stemHeight+4))
}
