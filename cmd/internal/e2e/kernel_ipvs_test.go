package e2e

import (
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
