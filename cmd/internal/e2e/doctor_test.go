package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/doctor"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// examination is what `perch doctor -o json` finds on a node, without what is the machine's
// own that runs the tests.
func (c *cluster) examination(n *lab.Node) []doctor.Finding {
	c.t.Helper()
	ctx, cancel := c.limit()
	defer cancel()
	out, _ := n.PerchOffline(ctx, "doctor", "-o", "json", "--listen", "1s") // the exit code goes by the findings
	var found struct{ Findings []doctor.Finding }
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		c.t.Fatalf("perch doctor on %s prints %q: %v", n.Name, out, err)
	}
	machine := func(f doctor.Finding) bool {
		return slices.Contains([]string{"the time of day", "this virtual machine", "clock source"}, f.Subject) || strings.HasPrefix(f.Subject, "/")
	}
	return slices.DeleteFunc(found.Findings, machine)
}

// finds wants a finding of that severity with those words, and says what there is else.
func (c *cluster) finds(n *lab.Node, severity doctor.Severity, words string) {
	c.t.Helper()
	found := c.examination(n)
	if !slices.ContainsFunc(found, func(f doctor.Finding) bool {
		return f.Severity == severity && strings.Contains(f.Subject+" "+f.Text, words) && f.Command != ""
	}) {
		c.t.Errorf("the doctor of %s does not find %s %q in %+v", n.Name, severity, words, found)
	}
}

// A cluster that is well is well for the doctor of each node, and it is none the worse for
// having been looked at: the owner, those who stand by, with their fences shut.
func TestDoctorOfAHealthyCluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.owner()
	for _, n := range c.Nodes {
		if found := c.examination(n); len(found) > 0 {
			t.Errorf("on %s it finds %+v", n.Name, found)
		}
	}
	c.stillOwnedBy(owner)
}

// What is wrong between the nodes is told apart.
func TestDoctorOfPeers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	lb1, lb2, lb3 := c.Node("lb1"), c.Node("lb2"), c.Node("lb3")
	c.must(os.WriteFile(lb3.SecretFile(), []byte("another-secret-for-tests-9876543210\n"), 0o600))
	c.must(lb3.Start())
	c.eventuallySays("lb3 answers with another secret", func() bool {
		return slices.ContainsFunc(c.examination(lb1), func(f doctor.Finding) bool { return strings.Contains(f.Text, "answers and is no peer") })
	})
	c.finds(lb1, doctor.Error, "lb3 at "+lb3.Address().String()+" answers and is no peer: node lb3 has another secret")
	c.finds(lb1, doctor.Warning, "lb2 at "+lb2.Address().String()+" refuses connections")

	// With a config of another host, and a secret that others can read.
	c.must(os.Chmod(lb2.SecretFile(), 0o644))
	ctx, cancel := c.limit()
	defer cancel()
	out, _ := lb2.PerchOffline(ctx, "doctor", "--listen", "0s")
	if want := "error: " + lb2.SecretFile() + " has mode 0644"; !strings.Contains(out, want) {
		t.Errorf("it does not say %q:\n%s", want, out)
	}
}

// A host that has the VIPs is found before a node takes them.
func TestDoctorOfAForeignHost(t *testing.T) {
	t.Parallel()
	net := newNetwork(t)
	foreign := net.addHost(t, "foreign")
	c := newCluster(t, net)
	for _, vip := range c.Spec.VIPs {
		c.must(foreign.AddAddress(vip.Address))
	}
	c.must(c.Nodes[0].Host.AddAddress(c.Spec.VIPs[0].Address))
	c.finds(c.Nodes[0], doctor.Warning, c.Spec.VIPs[0].Address.Addr().String()+" is on eth0 without perch, and for good")
	c.must(c.Nodes[0].Host.RemoveAddress(c.Spec.VIPs[0].Address.Addr()))
	for _, vip := range c.Spec.VIPs {
		c.finds(c.Nodes[0], doctor.Warning, vip.Address.Addr().String()+" is claimed on eth0 by MAC "+foreign.Eth0.MAC.String())
	}
}
