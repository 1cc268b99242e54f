//go:build ipvs

package ipvs

import (
	"errors"
	"os"
	"testing"
)

// This must be the first test in a kernel, as any other has it load IPVS.
func TestKernelWithoutIPVS(t *testing.T) {
	if _, err := os.Stat("/sys/module/ip_vs"); err == nil {
		t.Skip("the kernel has IPVS already")
	}
	const helper = "/proc/sys/kernel/modprobe"
	loads, err := os.ReadFile(helper)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { writeKernel(t, helper, loads) })
	writeKernel(t, helper, []byte("/bin/false\n"))
	_, err = openKernel()
	if !errors.Is(err, errNoIPVS) || err.Error() != "open IPVS: the kernel has no IPVS, or not yet its module ip_vs" {
		t.Error(err)
	}
	if err := SetSync(nil); !errors.Is(err, errNoIPVS) {
		t.Error(err)
	}
}

func writeKernel(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0); err != nil {
		t.Error(err)
	}
}
