package daemon

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// A node that can hold none of thousands of VIPs is named for some of them, and with how many more.
func TestHinderedAreBounded(t *testing.T) {
	s, answers := knowing(), healthy()
	odd := answers["lb1"]
	odd.report.VIPs = nil
	for i := range 5000 {
		odd.report.VIPs = append(odd.report.VIPs, api.VIP{Address: fmt.Sprintf("10.0.%d.%d/32", i/250, i%250), Reason: "interface eth9 does not exist"})
	}
	answers["lb1"] = odd
	hindered := slices.DeleteFunc(s.status(answers).Warnings, func(w string) bool { return !strings.Contains(w, "cannot be held by lb1") })
	if len(hindered) != mostHindered+1 || hindered[0] != "VIP 10.0.0.0/32 cannot be held by lb1: interface eth9 does not exist" ||
		hindered[mostHindered] != "4980 more VIPs cannot be held by lb1" {
		t.Errorf("%d warnings: %q", len(hindered), hindered)
	}
}
