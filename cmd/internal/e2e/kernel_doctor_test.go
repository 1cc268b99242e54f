package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// What the doctor says of IPVS is so, in a kernel that has it.
func TestKernelDoctor(t *testing.T) {
	t.Parallel()
	lab.NeedKernel(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	output, err := lab.BootKernel(ctx, lab.Job{
		Binary:  testBinary(t, "./cmd/internal/doctor", "ipvs"),
		Args:    []string{"-test.run", "InTheKernel$", "-test.v"},
		Modules: []string{"veth", "bridge"},
	})
	for _, passed := range []string{"--- PASS: TestDoctorInTheKernel ", "--- PASS: TestRedirectsInTheKernel "} {
		if err != nil || !strings.Contains(output, passed) {
			t.Fatalf("%v\n%s", err, output)
		}
	}
}
