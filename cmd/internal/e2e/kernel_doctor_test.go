package e2e

import "testing"

// What the doctor says of IPVS is so, in a kernel that has it.
func TestKernelDoctor(t *testing.T) {
	t.Parallel()
	tests := kernelTests(t, "./cmd/internal/doctor", "ipvs", "InTheKernel$")
	tests.Modules = []string{"veth", "bridge"}
	passInKernel(t, tests, "TestDoctorInTheKernel", "TestRedirectsInTheKernel")
}
