package e2e

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Services get into the kernel's IPVS as they are wanted, in a kernel that has it.
func TestKernelIPVS(t *testing.T) {
	t.Parallel()
	lab.NeedIPVS(t)
	tests := kernelTests(t, "./ipvs", "ipvs", "^TestKernel")
	tests.Modules = []string{"dummy"}
	passInKernel(t, tests, "TestKernelWithoutIPVS")
}

// BenchmarkIPVSTable measures how long 1,000 services with 10 servers each take perch,
// ipvsadm and keepalived.
func BenchmarkIPVSTable(b *testing.B) {
	lab.NeedIPVS(b)
	lab.NeedPeers(b)
	output := passInKernel(b, kernelTests(b, "./ipvs", "ipvs", "^TestFigures$"), "TestFigures")
	figures := regexp.MustCompile(`figure (\S+) (\S+)\n`).FindAllStringSubmatch(output, -1)
	for _, figure := range figures {
		seconds, err := strconv.ParseFloat(figure[2], 64)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(seconds, figure[1]+"-s")
	}
}
