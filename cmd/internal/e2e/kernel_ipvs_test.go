package e2e

import (
	"context"
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
