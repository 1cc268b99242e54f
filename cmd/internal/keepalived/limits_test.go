package keepalived

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

const oneRouter = "vrrp_instance one {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n198.18.0.1/24\n}\n}\n"

// A file of nothing but mistakes is not read to its end.
func TestMistakesHaveALimit(t *testing.T) {
	for lines, want := range map[int]string{
		mostTold:          "",
		mostTold + 1:      "and 1 more mistakes",
		10 * mostMistakes: "and 900 more mistakes at least",
	} {
		err := importText(strings.Repeat("what\n", lines))
		mistakes, ok := errors.AsType[syntax.Mistakes](err)
		if !ok || len(mistakes) > mostTold+1 {
			t.Fatalf("%d lines: %d mistakes", lines, len(mistakes))
		}
		if last := mistakes[len(mistakes)-1].Text; want != "" && last != want {
			t.Errorf("%d lines: the last is %q, want %q", lines, last, want)
		}
	}
}

// Nor is more said of a file than anybody reads, and with --strict it is not taken for that.
func TestRemarksHaveALimit(t *testing.T) {
	r, err := importFile(oneRouter + strings.Repeat("use_pid_dir\n", mostRemarks+10))
	if err != nil {
		t.Fatal(err)
	}
	last := r.Remarks[len(r.Remarks)-1]
	if want := fmt.Sprintf("has more than %d lines to remark on", mostRemarks); len(r.Remarks) != mostRemarks || !last.Lost || !strings.HasPrefix(last.Text, want) {
		t.Errorf("%d remarks, the last is %+v", len(r.Remarks), last)
	}
}
