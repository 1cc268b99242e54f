package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Real packets through IPVS, in a kernel that has it.
func TestKernelBalance(t *testing.T) {
	t.Parallel()
	lab.NeedServices(t)
	lab.NeedIPVS(t)
	lab.NeedPeers(t)
	tests := balanceTests(t)
	tests.Modules = []string{"veth", "bridge", "ip_vs", "ipip", "ip6_tunnel", "ip_gre", "fou", "sit", "sch_netem", "sch_ingress", "cls_bpf", "cls_flower", "act_skbedit"}
	passInKernel(t, tests)
}

// balanceTests are all tests of package balance, with perch beside them: the kernel sees this
// folder.
func balanceTests(tb testing.TB) lab.Job {
	tb.Helper()
	tests := kernelTests(tb, "./cmd/internal/e2e/balance", "ipvs", ".")
	perch := filepath.Join(filepath.Dir(tests.Binary), "perch")
	must(tb, os.Link(perchBinary(tb), perch))
	tests.Args = append(tests.Args, "-perch", perch)
	return tests
}
