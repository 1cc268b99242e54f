package e2e

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// growth is how what a daemon needs grows with the number of something.
type growth struct {
	what    string // that there is more and more of
	columns []string
	sizes   []int
	values  [][]float64 // by size, then by column
}

func (g *growth) add(size int, values ...float64) {
	g.sizes = append(g.sizes, size)
	g.values = append(g.values, values)
}

// table renders a row for each size, and the exponents.
func (g *growth) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s |\n|%s\n", g.what, strings.Join(g.columns, " | "), strings.Repeat("---|", 1+len(g.columns)))
	for i, size := range g.sizes {
		fmt.Fprintf(&b, "| %d |", size)
		for _, value := range g.values[i] {
			fmt.Fprintf(&b, " %.1f |", value)
		}
		b.WriteString("\n")
	}
	for _, row := range []struct {
		name string
		of   func(xs, ys []float64) (float64, bool)
	}{{"exponent of all", slope}, {"exponent of what comes on top", surplusSlope}} {
		fmt.Fprintf(&b, "| %s |", row.name)
		for column := range g.columns {
			exponent, ok := row.of(g.column(column))
			text := "–"
			if ok {
				text = strconv.FormatFloat(exponent, 'f', 2, 64)
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (g *growth) column(n int) (xs, ys []float64) {
	for i, size := range g.sizes {
		xs, ys = append(xs, float64(size)), append(ys, g.values[i][n])
	}
	return xs, ys
}

// rows are all values, as raw rows of growthHeader.
func (g *growth) rows() (rows [][]string) {
	for i, size := range g.sizes {
		for column, value := range g.values[i] {
			rows = append(rows, []string{g.what, strconv.Itoa(size), g.columns[column], short(value)})
		}
	}
	return rows
}

var growthHeader = []string{"of", "number", "what", "value"}

// slope is that of the line through all points in a log-log plot, by least squares: 1 for what
// grows as its cause does.
func slope(xs, ys []float64) (float64, bool) {
	var n, sx, sy, sxx, sxy float64
	for i := range xs {
		if xs[i] <= 0 || ys[i] <= 0 {
			return 0, false
		}
		x, y := math.Log(xs[i]), math.Log(ys[i])
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	spread := n*sxx - sx*sx
	if n < 2 || spread == 0 {
		return 0, false
	}
	return (n*sxy - sx*sy) / spread, true
}

// surplusSlope is the slope between the last two points of what is above the first one, which
// hides how the rest grows. There is none where that is within what two runs differ by.
func surplusSlope(xs, ys []float64) (float64, bool) {
	last := len(xs) - 1
	if last < 2 {
		return 0, false
	}
	before, now := ys[last-1]-ys[0], ys[last]-ys[0]
	if before < ys[0]/5 || now < ys[0]/5 {
		return 0, false
	}
	return slope([]float64{xs[last-1] - xs[0], xs[last] - xs[0]}, []float64{before, now})
}

func TestGrowth(t *testing.T) {
	g := growth{what: "VIPs", columns: []string{"CPU", "MB", "silent"}}
	for _, n := range []int{1, 11, 101} {
		more := float64(n - 1)
		g.add(n, float64(n*n), 20+more, 0)
	}
	want := "| VIPs | CPU | MB | silent |\n|---|---|---|---|\n" +
		"| 1 | 1.0 | 20.0 | 0.0 |\n| 11 | 121.0 | 30.0 | 0.0 |\n| 101 | 10201.0 | 120.0 | 0.0 |\n" +
		"| exponent of all | 2.00 | 0.39 | – |\n| exponent of what comes on top | 1.93 | 1.00 | – |\n"
	if got := g.table(); got != want {
		t.Errorf("table is\n%s\nwant\n%s", got, want)
	}
	if rows := g.rows(); len(rows) != 9 || strings.Join(rows[7], ",") != "VIPs,101,MB,120" {
		t.Errorf("rows are %v", rows)
	}
}

// Figures that barely move have no exponent of what comes on top.
func TestNoGrowth(t *testing.T) {
	for name, ys := range map[string][]float64{"noise": {10, 11, 11.5}, "less": {10, 9, 30}} {
		if exponent, ok := surplusSlope([]float64{1, 10, 100}, ys); ok {
			t.Errorf("%s: exponent %.2f, want none", name, exponent)
		}
	}
	if _, ok := slope([]float64{7}, []float64{7}); ok {
		t.Error("one point has a slope")
	}
}
