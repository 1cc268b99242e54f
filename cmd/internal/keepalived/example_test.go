package keepalived

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// The keepalived of the example of a mixed pair runs the virtual router that perch runs there,
// with a lower priority.
func TestExampleOfMixedPair(t *testing.T) {
	const folder = "../../../deploy/examples/keepalived"
	r, err := Import(filepath.Join(folder, "keepalived.conf"), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Remarks) > 0 {
		t.Errorf("not all of it is understood:\n%s", remarks(r))
	}
	theirs, _, err := r.Document.Parse("keepalived.conf", "lb2")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "lb1.toml"))
	if err != nil {
		t.Fatal(err)
	}
	ours, _, err := config.Parse("lb1.toml", text, "lb1")
	if err != nil {
		t.Fatal(err)
	}
	if len(ours.VRRP) != 1 || len(theirs.VRRP) != 1 || ours.VRRP[0].Priority <= theirs.VRRP[0].Priority {
		t.Fatalf("ours %+v, theirs %+v", ours.VRRP, theirs.VRRP)
	}
	own := cmpopts.IgnoreFields(config.VirtualRouter{}, "Priority", "GARPRepeat", "GARPRefresh", "GARPLowerRepeat")
	if diff := cmp.Diff(ours.VRRP, theirs.VRRP, own, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("the two differ in more (-perch +keepalived):\n%s", diff)
	}
}
