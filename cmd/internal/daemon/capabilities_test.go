package daemon

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCheckCapabilities(t *testing.T) {
	const (
		admin = 1 << unix.CAP_NET_ADMIN
		raw   = 1 << unix.CAP_NET_RAW
		cure  = ": run it as root, or as a user with the ambient capabilities CAP_NET_ADMIN and CAP_NET_RAW"
	)
	for effective, want := range map[uint64]string{
		admin | raw:                   "",
		^uint64(0):                    "",
		0:                             "no VIP can be held without CAP_NET_ADMIN and CAP_NET_RAW" + cure,
		raw:                           "no VIP can be held without CAP_NET_ADMIN" + cure,
		^uint64(0) &^ raw:             "no VIP can be held without CAP_NET_RAW" + cure,
		1 << unix.CAP_BPF:             "no VIP can be held without CAP_NET_ADMIN and CAP_NET_RAW" + cure,
		1<<unix.CAP_MAC_ADMIN | admin: "no VIP can be held without CAP_NET_RAW" + cure,
	} {
		got := ""
		if err := checkCapabilities(effective); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%#x:\n got %s\nwant %s", effective, got, want)
		}
	}
}

func TestEffectiveCapabilitiesAreThoseOfTheKernel(t *testing.T) {
	got, err := effectiveCapabilities()
	if err != nil {
		t.Fatal(err)
	}
	if want := capEff(t); got != want {
		t.Errorf("%#x, /proc says %#x", got, want)
	}
}

// capEff returns the effective set as the kernel prints it.
func capEff(t *testing.T) uint64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if digits, ok := strings.CutPrefix(line, "CapEff:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(digits), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return set
		}
	}
	t.Fatal("/proc/self/status has no CapEff")
	return 0
}
