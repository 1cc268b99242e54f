package daemon

import (
	"slices"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/vip"
)

// An address of a host within a range keeps the range from nobody, and is warned of as that.
func TestAddressThatARangeDarkens(t *testing.T) {
	got := hinderedAt([]api.VIP{
		{Address: "198.19.0.0/20", Reason: "198.19.3.7, " + vip.LiesWithin + ", and is dark here"},
		{Address: "198.18.0.100/24", Reason: "interface eth9 does not exist"},
	}, "lb2")
	if want := []string{
		"VIP 198.19.0.0/20 at lb2: 198.19.3.7, an address of this host, lies within, and is dark here",
		"VIP 198.18.0.100/24 cannot be held by lb2: interface eth9 does not exist",
	}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
