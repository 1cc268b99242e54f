package e2e

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rowsLimit is how large a file of raw rows may be: all of them are in the repository.
const rowsLimit = 100_000

// keepRows writes the samples that a benchmark has so far to bench/BENCH.csv beside the file of
// -record, one line each, and nothing without -record. The file is written anew each time: a
// benchmark calls it after each of its parts, and deferred, so that one that is broken off
// leaves what it has. Of figures and of growth there is a picture beside it, BENCH.svg.
func keepRows(tb testing.TB, bench string, header []string, rows [][]string) {
	tb.Helper()
	if *benchRecord == "" {
		return
	}
	if err := writeRows(filepath.Join(filepath.Dir(*benchRecord), "bench"), bench, header, rows); err != nil {
		tb.Errorf("keep the rows of %s: %v", bench, err)
	}
}

// writeRows writes rows, and a picture of them where there is one.
func writeRows(dir, bench string, header []string, rows [][]string) error {
	text, err := csvOf(header, rows)
	if err != nil {
		return err
	}
	picture, err := pictureOf(header, rows)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, strings.TrimPrefix(bench, "bench-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".csv", text, 0o644); err != nil {
		return err
	}
	if picture != nil {
		if err := os.WriteFile(file+".svg", picture, 0o644); err != nil {
			return err
		}
	}
	if len(text) > rowsLimit {
		return fmt.Errorf("they have %d bytes, want at most %d", len(text), rowsLimit)
	}
	return nil
}

// csvOf renders rows, each of which has as many fields as the header.
func csvOf(header []string, rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for i, row := range append([][]string{header}, rows...) {
		if len(row) != len(header) {
			return nil, fmt.Errorf("row %d has %d fields, want %d as in the header", i, len(row), len(header))
		}
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// figureHeader is that of figureRows.
var figureHeader = []string{"what", "round", "ms"}

// figureRows are the samples of figures in ms, to the µs. Rounds are those that count; of each
// that was dropped there is a line without a sample behind them.
func figureRows(figures []figure) (rows [][]string) {
	for _, f := range figures {
		for i, sample := range f.samples {
			rows = append(rows, []string{f.name, strconv.Itoa(i + 1), short(sample.Seconds() * 1000)})
		}
		for range f.dropped {
			rows = append(rows, []string{f.name, "dropped", ""})
		}
	}
	return rows
}

// short is a number to three places after the point, without zeros at its end.
func short(value float64) string {
	text := strconv.FormatFloat(value, 'f', 3, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// contestHeader is that of contestRows.
var contestHeader = []string{"what", "program", "value"}

// contestRows are the results of contests between programs.
func contestRows(contests []contest, programs ...string) (rows [][]string) {
	for _, c := range contests {
		for i, result := range c.results {
			rows = append(rows, []string{c.what, programs[i], short(result)})
		}
	}
	return rows
}

// keepFigures keeps the rows of figures.
func keepFigures(tb testing.TB, bench string, figures []figure) {
	tb.Helper()
	keepRows(tb, bench, figureHeader, figureRows(figures))
}

func TestRows(t *testing.T) {
	f := figure{name: "move, by hand", samples: []time.Duration{1234567 * time.Nanosecond, 20 * time.Millisecond}, dropped: 1}
	text, err := csvOf(figureHeader, figureRows([]figure{f}))
	must(t, err)
	if want := "what,round,ms\n\"move, by hand\",1,1.235\n\"move, by hand\",2,20\n\"move, by hand\",dropped,\n"; string(text) != want {
		t.Errorf("figures are\n%s\nwant\n%s", text, want)
	}
	c := contest{what: "CPU", results: [2]float64{30.25, 0}}
	text, err = csvOf(contestHeader, contestRows([]contest{c}, "perch", "keepalived"))
	must(t, err)
	if want := "what,program,value\nCPU,perch,30.25\nCPU,keepalived,0\n"; string(text) != want {
		t.Errorf("contests are\n%s\nwant\n%s", text, want)
	}
	if _, err := csvOf(contestHeader, [][]string{{"CPU", "perch"}}); err == nil {
		t.Error("a row was taken that lacks a field")
	}
}

// What is written last is there, and what is too large is there and told.
func TestRowsAreWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bench")
	header := []string{"a"}
	for _, rows := range [][][]string{{{"longer than the next"}}, {{"1"}}} {
		must(t, writeRows(dir, "bench-failover", header, rows))
		want := "a\n" + rows[0][0] + "\n"
		if got, err := os.ReadFile(filepath.Join(dir, "failover.csv")); err != nil || string(got) != want {
			t.Errorf("the file has %q, %v, want %q", got, err, want)
		}
	}
	err := writeRows(dir, "failover", header, [][]string{{strings.Repeat("1", rowsLimit)}})
	if info, errStat := os.Stat(filepath.Join(dir, "failover.csv")); err == nil || errStat != nil || info.Size() < rowsLimit {
		t.Errorf("a large file gave %v and %v, want an error and the file", err, errStat)
	}
}
