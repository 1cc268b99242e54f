package clock

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func readDocs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/clock.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What perch writes and runs is said in docs/clock.md as it is.
func TestDocsKnowTheFile(t *testing.T) {
	page := strings.Join(strings.Fields(readDocs(t)), " ")
	_, source, _ := strings.Cut(line(netip.MustParseAddr("198.18.0.1")), "\n")
	for _, said := range []string{
		"`/etc/chrony/sources.d/" + FileName("edge") + "`",
		"`" + strings.TrimSpace(source) + "`",
		fmt.Sprintf("reload sources`, for %v s at most", reloadLimit.Seconds()),
		fmt.Sprintf("tried again every %v s", reloadAgain.Seconds()),
		fmt.Sprintf("Port %d/udp", ntpPort),
	} {
		if !strings.Contains(page, said) {
			t.Errorf("docs/clock.md does not say %q", said)
		}
	}
}

// Each warning has its row in docs/clock.md, and each row is the beginning of a warning.
func TestDocsKnowTheWarnings(t *testing.T) {
	self := netip.MustParseAddr("198.18.0.2")
	var all []string
	for _, s := range []Status{
		{Trouble: misplaced("/etc/chrony/sources.d/perch-edge.sources", os.ErrNotExist)},
		{Trouble: unread("/etc/chrony/sources.d/perch-edge.sources", "chronyc", os.ErrNotExist)},
		{Asked: "lb1", Silent: "no answer"},
		{Asked: "lb1", Silent: "socket: too many open files", Unasked: true},
		{Asked: "lb1", Reading: Reading{Unsynchronized: "invalid stratum"}},
		{Asked: "lb1", Reading: Reading{Offset: -1200 * time.Millisecond}},
		{Asked: "lb1", At: time.Unix(3600, 0), Since: time.Unix(0, 0), View: View{SelfAddress: self}, Reading: Reading{From: self}},
	} {
		all = append(all, s.Warnings()...)
	}
	rows := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(clock: [^`]+)` \\|").FindAllStringSubmatch(readDocs(t), -1) {
		rows[row[1]] = false
	}
	for _, warning := range all {
		known := false
		for row := range rows {
			if strings.HasPrefix(warning, row) {
				rows[row], known = true, true
			}
		}
		if !known {
			t.Errorf("docs/clock.md has no row of %q", warning)
		}
	}
	for row, is := range rows {
		if !is {
			t.Errorf("docs/clock.md has a row of no warning: %q", row)
		}
	}
}
