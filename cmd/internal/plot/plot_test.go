package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the pictures into testdata")

// golden compares a picture with that of testdata, and has it be XML.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is another picture; -update writes it:\n%s", path, got)
	}
	for d := xml.NewDecoder(bytes.NewReader(got)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s is no XML: %v", path, err)
		}
	}
}

func TestStrips(t *testing.T) {
	golden(t, "strips.svg", Strips("ms", []Strip{
		{"link cut", []float64{98.5, 100, 100.1, 102, 140, 286}},
		{"`perch transfer` & <drain>", []float64{4.1, 4.2, 4.2, 5, 0}},
		{"nothing yet", nil},
	}))
}

func TestLines(t *testing.T) {
	line := func(name string, ys ...float64) Series {
		s := Series{Name: name}
		for i, y := range ys {
			s.Points = append(s.Points, Point{math.Pow(10, float64(i)), y})
		}
		return s
	}
	golden(t, "lines.svg", Lines([]Panel{
		{"CPU, ms/s", "VIPs", []Series{line("owner", 20, 21, 30, 120), line("others", 9, 9.1, 10, 0)}},
		{"resident, MB", "VIPs", []Series{line("owner", 20, 20, 25, 70)}},
		{"failover, ms", "VIPs", nil},
		{"in a row below", "VIPs", []Series{line("owner", 1, 1)}},
	}))
}

// Every value has a place between the ends, and there are few ticks, which are on the scale.
func TestAxis(t *testing.T) {
	for _, values := range [][]float64{{1}, {5}, {0.3, 0.31}, {1, 7}, {0.02, 99000}, {100, 1000}, {0, -1}, nil, {33, 4.4, 286}} {
		a := newAxis(values, 10, 110)
		for _, v := range values {
			if v > 0 && (a.at(v) < 9.999 || a.at(v) > 110.001) {
				t.Errorf("%v: %g is at %g", values, v, a.at(v))
			}
		}
		ticks := a.ticks()
		if len(ticks) < 2 || len(ticks) > 10 || a.at(ticks[0]) < 9.99 || a.at(ticks[len(ticks)-1]) > 110.01 || !slices.IsSorted(ticks) {
			t.Errorf("%v: ticks %v of %+v", values, ticks, a)
		}
	}
}
