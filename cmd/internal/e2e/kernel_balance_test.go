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
	tests := kernelTests(t, "./cmd/internal/e2e/balance", "ipvs", ".")
	perch := filepath.Join(filepath.Dir(tests.Binary), "perch") // the kernel sees this folder
	must(t, os.Link(perchBinary(t), perch))
	tests.Args = append(tests.Args, "-perch", perch)
	tests.Modules = []string{"veth", "bridge", "ip_vs", "ipip", "ip6_tunnel", "ip_gre", "fou", "sch_netem"}
	passInKernel(t, tests)
}
