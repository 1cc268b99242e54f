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
	tests := testBinary(t, "./cmd/internal/e2e/balance", "ipvs")
	perch := filepath.Join(filepath.Dir(tests), "perch") // the kernel sees this folder
	must(t, os.Link(perchBinary(t), perch))
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	output, err := lab.BootKernel(ctx, lab.Job{
		Binary:  tests,
		Args:    []string{"-test.v", "-perch", perch},
		Modules: []string{"veth", "bridge", "ip_vs", "ipip", "ip6_tunnel", "ip_gre", "fou", "sch_netem"},
	})
	if err != nil || !strings.HasSuffix(output, "\nPASS\n") {
		t.Errorf("%v\n%s", err, output)
	}
}
