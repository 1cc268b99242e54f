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

// balanceTests are all tests of package balance, with perch and an example beside them: the
// kernel sees this folder.
func balanceTests(tb testing.TB) lab.Job {
	tb.Helper()
	tests := kernelTests(tb, "./cmd/internal/e2e/balance", "ipvs", ".")
	perch, example := filepath.Join(filepath.Dir(tests.Binary), "perch"), filepath.Join(filepath.Dir(tests.Binary), "lvs")
	must(tb, os.Link(perchBinary(tb), perch))
	must(tb, os.CopyFS(example, os.DirFS(filepath.Join(examples, "lvs"))))
	tests.Args = append(tests.Args, "-perch", perch, "-example", example)
	return tests
}
