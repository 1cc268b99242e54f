package e2e

import "testing"

// The capabilities of the shipped unit are enough for the fence in an older kernel, too:
// Debian 12's refuses more than newer ones do to who may not see the kernel's pointers.
func TestKernelFence(t *testing.T) {
	t.Parallel()
	tests := kernelTests(t, "./vip/fence", "", "^TestUnitsCapabilities$")
	tests.Modules = []string{"veth", "bridge", "sch_ingress", "cls_bpf"}
	passInKernel(t, tests, "TestUnitsCapabilities")
}
