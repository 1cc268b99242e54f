package daemon

import (
	"os"
	"testing"
	"time"
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
