package board

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// How much a page shows at most is said in docs/dashboard.md as it is.
func TestDocsKnowTheLimits(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/dashboard.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	for _, said := range []string{
		fmt.Sprintf("of 1,000 VIPs it shows %d,", maxVIPs),
		fmt.Sprintf("likewise at most %d routers, %d checks, %d services and %d servers", maxRouters, maxChecks, maxServices, maxServers),
	} {
		if !strings.Contains(page, said) {
			t.Errorf("docs/dashboard.md does not say %q", said)
		}
	}
}
