package e2e

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Services get into the kernel's IPVS as they are wanted, in a kernel that has it.
func TestKernelIPVS(t *testing.T) {
	t.Parallel()
	lab.NeedKernel(t)
	lab.NeedIPVS(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	output, err := lab.BootKernel(ctx, lab.Job{
		Binary:  testBinary(t, "./ipvs", "ipvs"),
		Args:    []string{"-test.run", "^TestKernel", "-test.v"},
		Modules: []string{"dummy"},
	})
	if err != nil || !strings.Contains(output, "--- PASS: TestKernelWithoutIPVS ") {
		t.Errorf("%v\n%s", err, output)
	}
}

// BenchmarkIPVSTable measures how long 1,000 services with 10 servers each take perch,
// ipvsadm and keepalived.
func BenchmarkIPVSTable(b *testing.B) {
	lab.NeedKernel(b)
	lab.NeedIPVS(b)
	lab.NeedPeers(b)
	output, err := lab.BootKernel(b.Context(), lab.Job{
		Binary: testBinary(b, "./ipvs", "ipvs"),
		Args:   []string{"-test.run", "^TestFigures$", "-test.v"},
	})
	if err != nil {
		b.Fatalf("%v\n%s", err, output)
	}
	figures := regexp.MustCompile(`figure (\S+) (\S+)\n`).FindAllStringSubmatch(output, -1)
	for _, figure := range figures {
		seconds, err := strconv.ParseFloat(figure[2], 64)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(seconds, figure[1]+"-s")
	}
}
