package fence

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// columns are the samples of comparisons, a column each.
type columns struct {
	names   []string
	samples [][]float64
}

// add takes a column, and has all of them kept in bench/fence.csv beside the file of -record, so
// that a benchmark that is broken off leaves what it has. Nothing is kept without -record.
func (c *columns) add(tb testing.TB, name string, samples []float64) {
	tb.Helper()
	c.names, c.samples = append(c.names, name), append(c.samples, samples)
	if *benchRecord == "" {
		return
	}
	dir := filepath.Join(filepath.Dir(*benchRecord), "bench")
	must(tb, os.MkdirAll(dir, 0o755))
	must(tb, os.WriteFile(filepath.Join(dir, "fence.csv"), c.csv(tb), 0o644))
}

// csv renders a line for each round; columns of fewer rounds are empty in the last lines.
func (c *columns) csv(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	must(tb, w.Write(append([]string{"round"}, c.names...)))
	for round := 0; ; round++ {
		row, some := []string{strconv.Itoa(round + 1)}, false
		for _, samples := range c.samples {
			field := ""
			if round < len(samples) {
				field, some = strconv.FormatFloat(samples[round], 'g', 4, 64), true
			}
			row = append(row, field)
		}
		if !some {
			break
		}
		must(tb, w.Write(row))
	}
	w.Flush()
	must(tb, w.Error())
	return b.Bytes()
}

func TestColumns(t *testing.T) {
	c := columns{names: []string{"a, in", "b"}, samples: [][]float64{{0.91234567, 1}, {-12.5}}}
	if got, want := string(c.csv(t)), "round,\"a, in\",b\n1,0.9123,-12.5\n2,1,\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
