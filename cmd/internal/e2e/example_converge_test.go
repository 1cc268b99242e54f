package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// fakeCloud is a cloud's API, which nobody else than the hooks of a test uses: they run as the
// user nobody, as without a config they do.
type fakeCloud struct {
	c   *cluster
	dir string
}

// newCloud gives each node of a cluster the example of a converge hook, with this cloud as its own.
func newCloud(c *cluster) *fakeCloud {
	c.t.Helper()
	f := &fakeCloud{c, tempDir(c.t)}
	c.must(os.Chmod(f.dir, 0o777))
	f.write("address", "1 0 -")
	api, err := os.ReadFile("testdata/cloud")
	c.must(err)
	c.must(os.WriteFile(f.file("cloud"), api, 0o755))
	hook := example(c.t, "converge/claim-address", "cloud show", f.file("cloud")+" show", "cloud attach", f.file("cloud")+" attach")
	c.must(os.WriteFile(f.file("claim-address"), []byte(hook), 0o755))
	for _, n := range c.Nodes {
		c.useExample(n, "converge", "/usr/local/bin/claim-address", f.file("claim-address"),
			"instance-of-lb1", "instance-of-"+n.Name, `every = "5m"`, `every = "1s"`)
	}
	return f
}

func (f *fakeCloud) file(name string) string { return filepath.Join(f.dir, name) }

func (f *fakeCloud) write(name, text string) {
	f.c.t.Helper()
	f.c.must(os.WriteFile(f.file(name), []byte(text+"\n"), 0o600))
	f.c.must(os.Chmod(f.file(name), 0o666)) // whatever the umask is
}

func (f *fakeCloud) read(name string) string {
	text, _ := os.ReadFile(f.file(name)) // what is not there is empty
	return strings.TrimSpace(string(text))
}

// sendsTo waits until the cloud sends what is for the address to a node, by its term.
func (f *fakeCloud) sendsTo(n *lab.Node) {
	f.c.t.Helper()
	want := fmt.Sprintf(" %d instance-of-%s", f.c.status(n).Cluster.Term, n.Name)
	f.c.eventually("the cloud has the address at"+want, func() bool { return strings.HasSuffix(f.read("address"), want) })
}

// The cloud sends its traffic to whoever owns the VIP, whatever befalls the owner, the API, or
// the address; what comes late of an owner that was is refused.
func TestExampleOfConverge(t *testing.T) {
	t.Parallel()
	c := newExample(t, vips("eth0", "198.18.0.100/24"))
	cloud := newCloud(c)
	cloud.write("down", "")
	c.must(c.StartAll())
	old := c.settled()
	c.eventuallySays(old.Name+" says that the API is down", func() bool {
		hooks := c.status(old).Converge
		return len(hooks) == 1 && hooks[0].State == "failing" && strings.Contains(hooks[0].Error, "no route to the API")
	})
	c.must(os.Remove(cloud.file("down")))
	cloud.sendsTo(old)

	c.must(old.Kill())
	next := c.movedFrom(old)
	cloud.sendsTo(next)
	cloud.write("address", fmt.Sprintf("50 %d instance-of-%s", c.status(next).Cluster.Term, old.Name)) // by hand
	cloud.sendsTo(next)

	c.must(old.Start())
	c.stillOwnedBy(next)
	cloud.write("slow", "")
	slow := c.handOver(next, askedFor, func() { c.perch(next, "transfer") })
	c.eventually("the API has heard of "+slow.Name, func() bool { return strings.Contains(cloud.read("heard"), slow.Name) })
	c.must(os.Remove(cloud.file("slow")))
	last := c.handOver(slow, askedFor, func() { c.perch(slow, "transfer") })
	cloud.sendsTo(last)
	late := exec.Command(cloud.file("cloud"), strings.Fields(cloud.read("heard"))...)
	if out, err := late.CombinedOutput(); late.ProcessState.ExitCode() != 3 { // it is another version
		t.Errorf("what came late of %s: %v: %s", slow.Name, err, out)
	}
	cloud.sendsTo(last)
}
