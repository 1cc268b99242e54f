package daemon

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// Who reloads is told what became of the services.
func TestReloadTellsOfServices(t *testing.T) {
	named := func(name string, quorum int) config.Service { return config.Service{Name: name, Quorum: quorum} }
	old := []config.Service{named("gone", 1), named("same", 1), named("other", 1), named("lost", 1)}
	fresh := []config.Service{named("other", 2), named("new", 1), named("same", 1)}
	want := []string{"other changed", "new added", "gone removed", "lost removed"}
	if got := changesOf(old, fresh); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

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
		result, err := r.reload()
		if err == nil && !slices.Equal(result.Services, []string{"198.18.0.100:80/tcp added"}) {
			err = fmt.Errorf("told of services %q", result.Services)
		}
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
	if len(r.config().Services) != 1 || len(r.serverChecks.all()) != 1 || len(r.balancer.poke) != 1 || len(r.retune) != 1 {
		t.Errorf("%d services, %d checks, the balancer was woken %d times, the tuner %d times",
			len(r.config().Services), len(r.serverChecks.all()), len(r.balancer.poke), len(r.retune))
	}
}

// What this host cannot look at is found before anything has changed.
func TestReloadToACheckThatCannotBeMade(t *testing.T) {
	r := newReloadable(t)
	text, err := os.ReadFile(r.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	const impossible = "check = {kind = \"script\", argv = [\"/bin/true\"], user = \"nobody-has-this-name\"}\n"
	r.write(t, "perch.toml", string(text)+strings.Replace(twentyServices(), "check = {kind = \"tcp\"}\n", impossible, 1), 0o600)
	before := r.config()
	_, err = r.reload()
	if !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), "nobody-has-this-name") {
		t.Errorf("error %v", err)
	}
	if r.config() != before || len(r.serverChecks.all()) > 0 || len(r.balancer.poke) > 0 {
		t.Error("something has changed")
	}
}

// A reload brings a witness no checks of servers that it never sends anything to.
func TestReloadOfAWitness(t *testing.T) {
	r := newReloadable(t)
	text, err := os.ReadFile(r.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	running := *r.config()
	cluster := *running.Cluster
	cluster.Peers = slices.Clone(cluster.Peers)
	cluster.Peers[0].Witness = true
	running.Cluster = &cluster
	r.current.Store(&loaded{config: &running})
	service := "\n[[service]]\naddress = \"198.18.0.100:80\"\ncheck = {kind = \"tcp\"}\nserver = [{address = \"10.0.0.1\"}]\n"
	r.write(t, "perch.toml", string(text)+service, 0o600)
	if _, err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if got := r.serverChecks.all(); len(r.config().Services) != 1 || len(got) > 0 {
		t.Errorf("%d services, and looks at %v", len(r.config().Services), got)
	}
}

// twentyServices is the text of services with three servers each, of which all are looked at.
func twentyServices() string {
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, "\n[[service]]\nname = \"s%d\"\naddress = \"198.18.0.%d:80\"\nslow_start = \"10s\"\ncheck = {kind = \"tcp\"}\n", i, 100+i)
		for j := range 3 {
			fmt.Fprintf(&b, "[[service.server]]\naddress = \"10.0.%d.%d:80\"\n", i, j)
		}
	}
	return b.String()
}

// serversInKernel are the servers that the kernel is to have, with how it is to have them.
func serversInKernel(k *fakeIPVS) map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := map[string]string{}
	for _, s := range k.services {
		all[s.Key.String()] = fmt.Sprint(s.Balancing)
		for _, server := range s.Servers {
			all[s.Key.String()+" > "+server.Address.String()] = fmt.Sprint(server)
		}
	}
	return all
}

// touched counts what is another one, or there in one of both only: each costs the kernel
// one step.
func touched(a, b map[string]string) (n int) {
	for name, was := range a {
		if is, there := b[name]; !there || is != was {
			n++
		}
	}
	for name := range b {
		if _, there := a[name]; !there {
			n++
		}
	}
	return n
}

// A reload that changes one server touches that one alone, and one to a bad config nothing.
func TestReloadTouchesWhatChanges(t *testing.T) {
	r := newReloadable(t)
	text, err := os.ReadFile(r.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	base := string(text) + twentyServices()
	kernel, heard := &fakeIPVS{}, verdicts{}
	r.balancer.kernel, r.balancer.orders = kernel, func() state.Orders { return nil }
	r.balancer.verdicts = func() verdicts { return maps.Clone(heard) }
	reload := func(text string) error {
		r.write(t, "perch.toml", text, 0o600)
		_, err := r.reload()
		r.balancer.step()
		return err
	}
	if err := reload(base); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.config().ServerChecks {
		heard[c.Name] = &verdict{state: passed}
	}
	r.balancer.step()
	before := serversInKernel(kernel)
	if len(before) != 20*(1+3) {
		t.Fatalf("the kernel is to have %d services and servers", len(before))
	}
	one, two := "address = \"10.0.7.1:80\"\n", "address = \"10.0.7.2:80\"\n"
	for _, tc := range []struct {
		name, old, new string
		touched        int
		bad            bool
	}{
		{"nothing", "", "", 0, false},
		{"a weight", one, one + "weight = 9\n", 1, false},
		{"a way of forwarding", one, one + "forward = \"tunnel\"\n", 1, false},
		{"one less", "[[service.server]]\n" + one, "", 1, false},
		{"another address, which has no verdict yet", one, "address = \"10.0.7.9:80\"\n", 1, false},
		{"one more, which has none", one, one + "[[service.server]]\naddress = \"10.0.7.9:80\"\n", 0, false},
		{"the order", one + "[[service.server]]\n" + two, two + "[[service.server]]\n" + one, 0, false},
		{"a check", one, one + "check = {kind = \"tcp\", interval = \"7s\"}\n", 0, false},
		{"a name", "name = \"s7\"", "name = \"shop\"", 0, false},
		{"a scheduler", "name = \"s7\"", "name = \"s7\"\nscheduler = \"rr\"", 1, false},
		{"a mistake", one, one + "weight = 99999\n", 0, true},
	} {
		running := r.config()
		err := reload(strings.Replace(base, tc.old, tc.new, 1))
		if errors.Is(err, api.ErrInvalid) != tc.bad || tc.bad != (r.config() == running) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if got := touched(before, serversInKernel(kernel)); got != tc.touched {
			t.Errorf("%s: %d touched, want %d", tc.name, got, tc.touched)
		}
		if err := reload(base); err != nil {
			t.Fatal(err)
		}
		if _, there := serversInKernel(kernel)["tcp 198.18.0.107:80 > 10.0.7.1:80"]; !there {
			t.Errorf("%s: taken back, and the server is not there", tc.name)
		}
		r.balancer.begin = r.balancer.begin.Add(-time.Minute) // a slow start is over
		r.balancer.step()
	}
}
