package e2e

import "testing"

// Checks go out by a VRF, in a kernel that has them.
func TestKernelVRF(t *testing.T) {
	t.Parallel()
	tests := kernelTests(t, "./checker", "vrf", "^TestVRF$")
	tests.Modules = []string{"veth", "vrf"}
	passInKernel(t, tests, "TestVRF")
}
