package daemon

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

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
	if len(r.config().Services) != 1 || len(r.serverChecks.all()) != 1 || len(r.balancer.poke) != 1 {
		t.Errorf("%d services, %d checks, woken %d times", len(r.config().Services), len(r.serverChecks.all()), len(r.balancer.poke))
	}
}
