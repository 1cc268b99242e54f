package doctor

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
)

func TestTables(t *testing.T) {
	p := newPatient()
	p.VRRP = []config.VirtualRouter{{Name: "front", Accept: true}, {Name: "back"}, {Name: "side"}}
	p.Cluster.Fence = "nftables"
	if got := Examine(p.Config, p.Facts); len(got) > 0 {
		t.Errorf("with nftables it finds %+v", got)
	}
	p.NoTables = true
	want := []Finding{
		{
			Error, "nftables", `is not in this kernel, or not loaded: there is no fence, as cluster.fence = "nftables" wants that one`,
			"modprobe nf_tables",
		},
		{
			Error, "nftables", "is not in this kernel, or not loaded: this host takes what is sent to the addresses of back and side, in spite of accept = false",
			"modprobe nf_tables",
		},
	}
	if diff := cmp.Diff(want, Examine(p.Config, p.Facts)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p.VRRP, p.Cluster.Fence = p.VRRP[:1], "auto"
	if got := Examine(p.Config, p.Facts); len(got) > 0 {
		t.Errorf("where nobody needs them it finds %+v", got)
	}
}

// Who has no right to ask does not know.
func TestIsNoTables(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, unix.EPERM: false, unix.EPROTONOSUPPORT: true,
		fmt.Errorf("list chains: %w", unix.EINVAL): true,
	} {
		if got := isNoTables(err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}
