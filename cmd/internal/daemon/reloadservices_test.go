package daemon

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// A server that a reload brings is not judged by what was found of another one: the checks
// are others before the services are.
func TestReloadBringsChecksBeforeServers(t *testing.T) {
	r := newReloadable(t)
	text, err := os.ReadFile(r.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, "perch.toml", string(text)+`
[[service]]
address = "198.18.0.100:80"
protocol = "tcp"
[[service.server]]
address = "10.0.0.1:80"
[[service.server.check]]
kind = "tcp"
`, 0o600)
	before := r.config()
	r.serverChecks.noting.Lock() // keeps the reload from getting further
	reloaded := make(chan error, 1)
	go func() {
		_, err := r.reload()
		reloaded <- err
	}()
	for len(r.serverChecks.runner.Status()) == 0 && len(reloaded) == 0 {
		time.Sleep(time.Millisecond)
	}
	if r.config() != before {
		t.Error("there are other servers before there are other checks")
	}
	r.serverChecks.noting.Unlock()
	if err := <-reloaded; err != nil {
		t.Fatal(err)
	}
	if len(r.config().Services) != 1 || len(r.serverChecks.all()) != 1 || len(r.balancer.poke) != 1 {
		t.Errorf("%d services, %d checks, woken %d times", len(r.config().Services), len(r.serverChecks.all()), len(r.balancer.poke))
	}
}

// A reload without a change changes nothing that the kernel is to have, and one that changes
// a server changes that alone.
func TestReloadTouchesWhatHasChanged(t *testing.T) {
	r := newReloadable(t)
	base, err := os.ReadFile(r.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	kernel := &fakeIPVS{}
	r.balancer.kernel, r.balancer.orders = kernel, func() state.Orders { return nil }
	reload := func(weight int) []string {
		t.Helper()
		weightOf := func(i, j int) int {
			if i == 7 && j == 3 {
				return weight
			}
			return 1
		}
		text := string(base)
		for i := range 20 {
			text += fmt.Sprintf("[[service]]\naddress = \"198.18.0.100:%d\"\nserver = [", 1000+i)
			for j := range 10 {
				text += fmt.Sprintf("{address = \"10.0.%d.%d\", weight = %d}, ", i, j+1, weightOf(i, j))
			}
			text += "]\n"
		}
		r.write(t, "perch.toml", text, 0o600)
		if _, err := r.reload(); err != nil {
			t.Fatal(err)
		}
		r.balancer.step()
		return kernel.table()
	}
	before := reload(1)
	if len(before) != 20 {
		t.Fatalf("%d services, want 20", len(before))
	}
	if same := reload(1); !slices.Equal(same, before) {
		t.Errorf("without a change: %q, want %q", same, before)
	}
	want := slices.Clone(before)
	want[7] = strings.Replace(want[7], "10.0.7.4:1007 1", "10.0.7.4:1007 9", 1)
	if after := reload(9); !slices.Equal(after, want) || slices.Equal(after, before) {
		t.Errorf("with one server changed: %q, want %q", after, want)
	}
}
