package doctor

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
)

func TestNamespace(t *testing.T) {
	for found, want := range map[Namespace][]Finding{
		NamespaceHere:    nil,
		NamespaceMissing: {{Error, "network namespace blue", "is not there: perch does not start", "ip netns add blue"}},
		NamespaceOther: {{
			Warning, "network namespace blue", "is where perch is to run, and doctor looks at another one: what it says of the network is not so there",
			"ip netns exec blue perch doctor",
		}},
	} {
		p := newPatient()
		p.Node.NetNamespace, p.Facts.Namespace = "blue", found
		if diff := cmp.Diff(want, Examine(p.Config, p.Facts)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	var f Facts
	f.Try(&config.Config{Node: config.Node{NetNamespace: "perch-doctor-is-not-there"}})
	if f.Namespace != NamespaceMissing {
		t.Errorf("one that is not there is %v", f.Namespace)
	}
}
