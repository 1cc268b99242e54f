package e2e

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// figure is a set of samples under a name.
type figure struct {
	name    string
	samples []time.Duration
	dropped int // rounds that were not what they should have been
}

// add takes a round into the figure, unless err says that it was not one.
func (f *figure) add(tb testing.TB, sample time.Duration, err error) {
	tb.Helper()
	if err != nil {
		f.dropped++
		tb.Logf("%s: round dropped: %v", f.name, err)
		return
	}
	f.samples = append(f.samples, sample)
}

func (f *figure) row() string {
	return fmt.Sprintf("| %s | %d | %d | %s | %s | %s |", f.name, len(f.samples), f.dropped,
		ms(f.quantile(0.5)), f.p99(), ms(f.quantile(1)))
}

// p99 says so where it is no more than the longest sample.
func (f *figure) p99() string {
	if len(f.samples) < 100 {
		return ms(f.quantile(1)) + " (longest)"
	}
	return ms(f.quantile(0.99))
}

// quantile returns the nearest-rank quantile.
func (f *figure) quantile(q float64) time.Duration {
	if len(f.samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f.samples))
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

func ms(d time.Duration) string { return strconv.FormatFloat(d.Seconds()*1000, 'f', 1, 64) }

// movedAway returns an error unless the history ends with a move from old to another
// node, for that reason.
func movedAway(history []api.Move, old, reason string) error {
	if len(history) == 0 {
		return errors.New("nobody ever owned")
	}
	for len(history) > 1 && history[len(history)-1].From == history[len(history)-1].To {
		history = history[:len(history)-1] // its lease ended meanwhile: the client's silence has that in it
	}
	last := history[len(history)-1]
	if last.From != old || last.To == old {
		return fmt.Errorf("%s owned, and the last move is from %q to %q", old, last.From, last.To)
	}
	if !strings.Contains(last.Reason, reason) {
		return fmt.Errorf("the VIPs moved because: %s; want because: …%s…", last.Reason, reason)
	}
	return nil
}

func TestFigure(t *testing.T) {
	f := &figure{name: "move"}
	for i := range 200 {
		f.add(t, time.Duration(200-i)*time.Millisecond, nil)
	}
	f.add(t, time.Millisecond, errors.New("nothing moved"))
	if got, want := f.row(), "| move | 200 | 1 | 100.0 | 198.0 | 200.0 |"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	f.samples = f.samples[:3]
	if got, want := f.row(), "| move | 3 | 1 | 199.0 | 200.0 (longest) | 200.0 |"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestMovedAway(t *testing.T) {
	move := api.Move{From: "lb1", To: "lb2", Reason: "lb1 was stopped"}
	tests := map[string]struct {
		history []api.Move
		reason  string
		want    string
	}{
		"moved":          {[]api.Move{move}, wasStopped, ""},
		"nobody":         {nil, wasStopped, "nobody ever owned"},
		"still there":    {[]api.Move{{To: "lb1"}}, wasStopped, `lb1 owned, and the last move is from "" to "lb1"`},
		"came back":      {[]api.Move{{From: "lb1", To: "lb1"}}, "", `lb1 owned, and the last move is from "lb1" to "lb1"`},
		"lapsed since":   {[]api.Move{move, {From: "lb2", To: "lb2"}}, wasStopped, ""},
		"moved earlier":  {[]api.Move{move, {From: "lb2", To: "lb3"}}, "", `lb1 owned, and the last move is from "lb2" to "lb3"`},
		"by an election": {[]api.Move{move}, askedFor, "the VIPs moved because: lb1 was stopped; want because: …" + askedFor + "…"},
	}
	for name, tt := range tests {
		got := ""
		if err := movedAway(tt.history, "lb1", tt.reason); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// benchReport renders all figures as Markdown.
func benchReport(tb testing.TB, figures []figure, idle []string) string {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(tb))
	b.WriteString("| move, profile fast (H = 100 ms), three nodes | rounds | dropped | median ms | p99 ms | longest ms |\n|---|---|---|---|---|---|\n")
	for _, f := range figures {
		b.WriteString(f.row() + "\n")
	}
	b.WriteString("\n| idle node, by profile | of one core | resident |\n|---|---|---|\n")
	b.WriteString(strings.Join(idle, "\n") + "\n")
	fmt.Fprintf(&b, "\nStatic binary, stripped: %.1f MB.\n", float64(binarySize(tb))/1e6)
	return b.String()
}

func machineName(tb testing.TB) string {
	tb.Helper()
	var u unix.Utsname
	must(tb, unix.Uname(&u))
	cpu := "unknown CPU"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				cpu = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, Linux %s, %s, namespaces on one machine; perch %s",
		cpu, runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]), runtime.Version(), perchCommit())
}

// perchCommit names the commit that is measured. What benchmarks write into docs changes nothing.
func perchCommit() string {
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "of no repository"
	}
	name := strings.TrimSpace(string(commit))
	changed, err := exec.Command("git", "status", "--porcelain", "--", ":/", ":(top,exclude)docs").Output()
	if err != nil || len(changed) > 0 {
		name += " with changes"
	}
	return name
}

// Markers of the part of a file that record replaces.
const (
	recordBegin = "<!-- figures of make bench-failover -->\n"
	recordEnd   = "<!-- end of figures -->\n"
)

// record writes a report into the place of a file that begins with a marker, with what keepRows
// has written of the same benchmark.
func record(path, begin, report string) error {
	if bench := regexp.MustCompile(`make bench-(\S+)`).FindStringSubmatch(begin); bench != nil {
		report += furtherFiles(path, bench[1])
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(data), begin)
	_, tail, ok2 := strings.Cut(rest, recordEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the markers of the figures", path)
	}
	return os.WriteFile(path, []byte(head+begin+report+recordEnd+tail), 0o644)
}
