package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Real packets through IPVS, in a kernel that has it.
func TestKernelBalance(t *testing.T) {
	t.Parallel()
	lab.NeedKernel(t)
	lab.NeedServices(t)
	lab.NeedIPVS(t)
	lab.NeedPeers(t)
	tests, perch := balanceBinaries(t)
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	output, err := lab.BootKernel(ctx, lab.Job{
		Binary:  tests,
		Args:    []string{"-test.v", "-perch", perch},
		Modules: []string{"veth", "bridge", "ip_vs", "ipip", "ip6_tunnel", "sch_netem"},
	})
	if err != nil || !strings.HasSuffix(output, "\nPASS\n") {
		t.Errorf("%v\n%s", err, output)
	}
}

// balanceBinaries returns the tests of package balance, and perch beside them: the kernel sees
// this folder.
func balanceBinaries(tb testing.TB) (tests, perch string) {
	tb.Helper()
	tests = testBinary(tb, "./cmd/internal/e2e/balance", "ipvs")
	perch = filepath.Join(filepath.Dir(tests), "perch")
	must(tb, os.Link(perchBinary(tb), perch))
	return tests, perch
}
