package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/plot"
)

// pictureOf draws rows, or returns nil for those of a header that says nothing of a picture.
func pictureOf(header []string, rows [][]string) ([]byte, error) {
	switch {
	case slices.Equal(header, figureHeader):
		return pictureOfFigures(rows)
	case slices.Equal(header, growthHeader):
		return pictureOfGrowth(rows)
	}
	return nil, nil
}

// pictureOfFigures has a strip for each figure.
func pictureOfFigures(rows [][]string) ([]byte, error) {
	var strips []plot.Strip
	for _, row := range rows {
		if len(strips) == 0 || strips[len(strips)-1].Name != row[0] {
			strips = append(strips, plot.Strip{Name: row[0]})
		}
		if row[2] == "" { // dropped
			continue
		}
		sample, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", row[0], err)
		}
		last := &strips[len(strips)-1]
		last.Samples = append(last.Samples, sample)
	}
	return plot.Strips("ms", strips), nil
}

// growthPanels are what is beside each other for each thing that there is more and more of, by
// the column's end, and the series by its begin.
var growthPanels = []string{"CPU ms/s", "MB", "ms"}

// pictureOfGrowth has a row of panels for each thing.
func pictureOfGrowth(rows [][]string) ([]byte, error) {
	var panels []plot.Panel
	for begin := 0; begin < len(rows); {
		end := begin
		for end < len(rows) && rows[end][0] == rows[begin][0] {
			end++
		}
		for _, unit := range growthPanels {
			panel, err := growthPanel(unit, rows[begin:end])
			if err != nil {
				return nil, err
			}
			panels = append(panels, panel)
		}
		begin = end
	}
	return plot.Lines(panels), nil
}

// growthPanel is of the rows of one thing those with a unit.
func growthPanel(unit string, rows [][]string) (plot.Panel, error) {
	panel := plot.Panel{Title: unit, X: rows[0][0]}
	for _, row := range rows {
		name, ok := strings.CutSuffix(row[2], ", "+unit)
		if before, median := strings.CutSuffix(row[2], ", median "+unit); median {
			name, ok = before, true
		}
		if !ok {
			continue
		}
		x, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			return panel, fmt.Errorf("draw %s: %w", row[0], err)
		}
		y, err := strconv.ParseFloat(row[3], 64)
		if err != nil {
			return panel, fmt.Errorf("draw %s: %w", row[0], err)
		}
		i := slices.IndexFunc(panel.Series, func(s plot.Series) bool { return s.Name == name })
		if i < 0 {
			panel.Series = append(panel.Series, plot.Series{Name: name})
			i = len(panel.Series) - 1
		}
		panel.Series[i].Points = append(panel.Series[i].Points, plot.Point{X: x, Y: y})
	}
	return panel, nil
}

// furtherFiles are links to what keepRows has written for a benchmark beside the document of its
// figures: pictures are shown, raw rows are named.
func furtherFiles(document, bench string) string {
	var b strings.Builder
	var raw []string
	for _, name := range []string{bench, bench + "-programs"} {
		at := func(kind string) (string, bool) {
			path := "bench/" + name + kind
			_, err := os.Stat(filepath.Join(filepath.Dir(document), path))
			return path, err == nil
		}
		if path, ok := at(".svg"); ok {
			fmt.Fprintf(&b, "\n![all samples of make bench-%s, scale logarithmic](%s)\n", bench, path)
		}
		if path, ok := at(".csv"); ok {
			raw = append(raw, fmt.Sprintf("[%s](%s)", filepath.Base(path), path))
		}
	}
	if len(raw) > 0 {
		fmt.Fprintf(&b, "\nRaw rows: %s.\n", strings.Join(raw, ", "))
	}
	return b.String()
}

func TestPictures(t *testing.T) {
	figures := figureRows([]figure{{name: "link cut", samples: []time.Duration{100 * time.Millisecond, time.Second}, dropped: 1}, {name: "kill"}})
	got, err := pictureOf(figureHeader, figures)
	must(t, err)
	want := plot.Strips("ms", []plot.Strip{{Name: "link cut", Samples: []float64{100, 1000}}})
	if string(got) != string(want) {
		t.Errorf("the picture of %v is\n%s\nwant\n%s", figures, got, want)
	}
	g := growth{what: "VIPs", columns: []string{"owner, CPU ms/s", "others, CPU ms/s", "owner, MB", "failover, median ms"}}
	g.add(1, 20, 9, 21, 100)
	g.add(100, 22, 10, 22, 101)
	got, err = pictureOf(growthHeader, g.rows())
	must(t, err)
	want = plot.Lines([]plot.Panel{
		{Title: "CPU ms/s", X: "VIPs", Series: []plot.Series{{Name: "owner", Points: []plot.Point{{X: 1, Y: 20}, {X: 100, Y: 22}}}, {Name: "others", Points: []plot.Point{{X: 1, Y: 9}, {X: 100, Y: 10}}}}},
		{Title: "MB", X: "VIPs", Series: []plot.Series{{Name: "owner", Points: []plot.Point{{X: 1, Y: 21}, {X: 100, Y: 22}}}}},
		{Title: "ms", X: "VIPs", Series: []plot.Series{{Name: "failover", Points: []plot.Point{{X: 1, Y: 100}, {X: 100, Y: 101}}}}},
	})
	if string(got) != string(want) {
		t.Errorf("the picture of %v is\n%s\nwant\n%s", g.rows(), got, want)
	}
	if got, err := pictureOf([]string{"else"}, nil); got != nil || err != nil {
		t.Errorf("rows of another kind are drawn: %s, %v", got, err)
	}
	if _, err := pictureOf(figureHeader, [][]string{{"a", "1", "fast"}}); err == nil {
		t.Error("a sample that is no number is drawn")
	}
}

// What is recorded names its raw rows and shows the picture, where they are.
func TestRecordShowsThePicture(t *testing.T) {
	document := filepath.Join(t.TempDir(), "performance.md")
	begin := "<!-- figures of make bench-some -->\n"
	must(t, os.WriteFile(document, []byte("above\n"+begin+"old\n"+recordEnd+"below\n"), 0o600))
	must(t, record(document, begin, "first\n"))
	must(t, writeRows(filepath.Join(filepath.Dir(document), "bench"), "some", figureHeader, nil))
	must(t, writeRows(filepath.Join(filepath.Dir(document), "bench"), "some-programs", contestHeader, nil))
	must(t, record(document, begin, "new\n"))
	want := "above\n" + begin + "new\n" +
		"\n![all samples of make bench-some, scale logarithmic](bench/some.svg)\n" +
		"\nRaw rows: [some.csv](bench/some.csv), [some-programs.csv](bench/some-programs.csv).\n" + recordEnd + "below\n"
	if got, err := os.ReadFile(document); err != nil || string(got) != want {
		t.Errorf("the document is\n%s\n%v, want\n%s", got, err, want)
	}
}
