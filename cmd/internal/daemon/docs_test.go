package daemon

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/notify"
)

// Why the VIPs move of themselves, and that perch transfer refuses a sick node, is said in
// docs/cli.md as here.
func TestDocsKnowWhyTheVIPsMove(t *testing.T) {
	text, err := os.ReadFile("../../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	const refused = "check haproxy failed 3 of 3: connection refused"
	other := []peer{is("lb2", well, 100)}
	better := []peer{is("lb1", well, 120)}
	_, refusal := asked([]peer{is("lb2", sick, 100, refused)}, "lb2", "")
	for _, said := range []string{
		"`" + succession{now: noon, self: is("lb1", sick, 100, refused), peers: other}.course().reason + "`",
		"`" + succession{now: noon, self: other[0], peers: better, preempt: true, holding: true}.course().reason + "`",
		"`" + whyMove("lb1", situation{drained: true}) + "`",
		"`" + whyMove("lb1", situation{}) + "`",
		"`" + whyMove("lb1", situation{witness: true}) + "`",
		"`" + state.Stopped("lb1") + "`",
		"\n    perch: " + refusal.Error() + "\n",
		`"cause": "` + state.CauseHealth + `"`,
		`"cause": "` + state.CausePreempt + `"`,
	} {
		if !strings.Contains(string(text), said) {
			t.Errorf("docs/cli.md does not say %s", said)
		}
	}
}

// How long the programs of a quorum may take is said in docs/config.md as it is.
func TestDocsKnowTheLimitsOfHooks(t *testing.T) {
	text, err := os.ReadFile("../../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("longer than %v s is killed; at the end of perch all have %v s", hookLimit.Seconds(), notify.EndLimit.Seconds())
	if !strings.Contains(string(text), said) {
		t.Errorf("docs/config.md does not say %q", said)
	}
}

// How often the lookout looks, and how much of one look it tells, is said in docs/events.md.
func TestDocsKnowTheLookout(t *testing.T) {
	text, err := os.ReadFile("../../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	for _, said := range []string{
		fmt.Sprintf("drains, checks and fence every %d ms", quickLook.Milliseconds()),
		fmt.Sprintf("dropped notifications every %s", map[bool]string{true: "second"}[(slowLook*quickLook).Seconds() == 1]),
		fmt.Sprintf("; warnings every %v s.", rareLook.Seconds()),
		fmt.Sprintf("more than %d of a kind", most),
		fmt.Sprintf("the %dth says how many more", most),
	} {
		if !strings.Contains(page, said) {
			t.Errorf("docs/events.md does not say %q", said)
		}
	}
}
