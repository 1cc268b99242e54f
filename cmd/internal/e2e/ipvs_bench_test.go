package e2e

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// BenchmarkIPVS compares perch with ipvsadm(8) and keepalived(8), by 1,000 services with 10
// servers each in kernels that have IPVS, and prints, or with -record writes, tables. Each
// round is of kernels that boot for it.
func BenchmarkIPVS(b *testing.B) {
	lab.NeedIPVS(b)
	lab.NeedPeers(b)
	ipvs := kernelTests(b, "./ipvs", "ipvs", "^TestFigures$")
	daemon := balanceTests(b)
	daemon.Args = append(daemon.Args, "-test.run", "^$", "-test.bench", "^BenchmarkFigures$", "-test.benchtime", "1x")
	daemon.Modules = []string{"veth", "bridge", "ip_vs"}
	s := samples{values: map[string][]float64{}, versions: map[string]string{}}
	defer s.keep(b)
	for range *benchRounds {
		for _, job := range []lab.Job{ipvs, daemon} {
			output, err := lab.BootKernel(b.Context(), job)
			if err != nil {
				b.Fatalf("%v\n%s", err, output)
			}
			must(b, s.add(output))
		}
		s.keep(b)
	}
	report := s.report(b)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, ipvsRecordBegin, report))
	}
}

const ipvsRecordBegin = "<!-- figures of make bench-ipvs -->\n"

// samples are what jobs have printed, by name: seconds, MB or counts.
type samples struct {
	values   map[string][]float64
	versions map[string]string
}

var (
	figureLine  = regexp.MustCompile(`figure (\S+) (\S+)\n`)
	versionLine = regexp.MustCompile(`version (\S+) (\S+)\n`)
)

// add adds what a job has printed.
func (s samples) add(output string) error {
	for _, line := range figureLine.FindAllStringSubmatch(output, -1) {
		value, err := strconv.ParseFloat(line[2], 64)
		if err != nil {
			return fmt.Errorf("read the figure %s: %w", line[1], err)
		}
		s.values[line[1]] = append(s.values[line[1]], value)
	}
	for _, line := range versionLine.FindAllStringSubmatch(output, -1) {
		s.versions[line[1]] = line[2]
	}
	return nil
}

// keep keeps the samples, to the microsecond where they are seconds.
func (s samples) keep(tb testing.TB) {
	tb.Helper()
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		for i, value := range s.values[name] {
			rows = append(rows, []string{name, strconv.Itoa(i + 1), strconv.FormatFloat(value, 'g', 6, 64)})
		}
	}
	keepRows(tb, "ipvs", []string{"what", "round", "s, MB or count"}, rows)
}

// times are samples in seconds.
func (s samples) times(title, name string) *figure {
	f := &figure{name: title}
	for _, seconds := range s.values[name] {
		f.samples = append(f.samples, time.Duration(seconds*float64(time.Second)))
	}
	return f
}

func (s samples) median(name string) float64 {
	sorted := slices.Sorted(slices.Values(s.values[name]))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)/2]
}

func (s samples) most(name string) float64 {
	return max(0, slices.Max(append([]float64{0}, s.values[name]...)))
}

// What makes all of the table, or finds it there.
var applied = []struct{ what, name, limit string }{
	{"`ipvsadm -R`", "ipvsadm-restore", ""},
	{"keepalived, from its start", "keepalived-start", ""},
	{"perch, from its start", "perch-start", "1.0"},
	{"perch, from its start after a SIGKILL, with the table there and one weight changed", "perch-start-again", "1.0"},
	{"`perch reload` without a change, until it is answered", "perch-reload-same", "1.0"},
	{"`perch reload` with one server changed, until the kernel has it", "perch-reload-one", "1.0"},
	{"package ipvs alone, all is added", "perch-add", "1.0"},
	{"package ipvs alone, a look finds nothing to do", "perch-review", "1.0"},
}

// What changes one weight.
var weighed = []struct{ what, name string }{
	{"perch, from the verdict of a check (*wanted* 10)", "perch-verdict"},
	{"perch, from the change of the file that is checked", "perch-file"},
	{"keepalived, from the change of the file that is checked", "keepalived-file"},
	{"perch, from the order by the API, which is written to disk first", "perch-order"},
	{"package ipvs alone, one step", "perch-weight"},
}

// report renders the section of services.
func (s samples) report(tb testing.TB) string {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s; in it User-mode Linux %s, keepalived %s, ipvsadm %s; %d rounds.\n\n",
		time.Now().UTC().Format(time.DateOnly), machineName(tb), s.versions["kernel"], keepalivedVersion(tb), s.versions["ipvsadm"], *benchRounds)
	b.WriteString("| 1,000 services with 10 servers each | median ms | least ms | most ms | / `ipvsadm -R` | / keepalived | at most |\n|---|---|---|---|---|---|---|\n")
	for _, a := range applied {
		f, median := s.times(a.what, a.name), s.median(a.name)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", a.what, ms(f.quantile(0.5)), ms(f.quantile(0)), ms(f.quantile(1)),
			ratio(median, s.median("ipvsadm-restore")), ratio(median, s.median("keepalived-start")), a.limit)
	}
	b.WriteString("\n| one weight of 10,000 servers, until the kernel has it | rounds | dropped | median ms | p99 ms | longest ms |\n|---|---|---|---|---|---|\n")
	for _, w := range weighed {
		b.WriteString(s.times(w.what, w.name).row() + "\n")
	}
	fmt.Fprintf(&b, "\nperch uses %.1f ms of CPU for such a verdict, %.1f ms for such an order. A reload that changes one server sent the kernel %.0f step, one without a change %.0f.\n",
		1000*s.median("perch-verdict-cpu"), 1000*s.median("perch-order-cpu"), s.most("perch-reload-one-steps"), s.most("perch-reload-same-steps"))
	b.WriteString("\n| resident MB | perch | keepalived | ratio | at most |\n|---|---|---|---|---|\n")
	for _, c := range []contest{
		{what: "10,000 servers without checks", results: [2]float64{s.median("perch-resident"), s.median("keepalived-resident")}},
		{what: "10,000 servers with a check of a file each", results: [2]float64{s.median("perch-looks-resident"), s.median("keepalived-looks-resident")}},
	} {
		b.WriteString(c.row() + "\n")
	}
	return b.String()
}

func ratio(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return strconv.FormatFloat(a/b, 'f', 2, 64)
}

func TestSamples(t *testing.T) {
	s := samples{values: map[string][]float64{}, versions: map[string]string{}}
	must(t, s.add("version kernel 6.1\n    a_test.go:7: figure a 0.5\nfigure a 1.5\nfigure b 3\nPASS\n"))
	must(t, s.add("figure a 0.1\n"))
	if f := s.times("a", "a"); len(f.samples) != 3 || f.quantile(0.5) != 500*time.Millisecond || s.median("a") != 0.5 || s.most("a") != 1.5 {
		t.Errorf("samples of a are %v", s.values["a"])
	}
	if s.versions["kernel"] != "6.1" || s.median("b") != 3 || s.median("c") != 0 || ratio(1, s.median("c")) != "–" {
		t.Errorf("samples are %v, versions %v", s.values, s.versions)
	}
	if err := s.add("figure a one\n"); err == nil {
		t.Error("a figure that is no number was taken")
	}
}
