package api

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// busy is a status of so many services with ten servers each, whose counters are full.
func busy(services int) Status {
	counters := Counters{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64, 1e6, 1e9, 1e12, 1e9, 1e12}
	s := Status{Node: "lb1", IPVS: &IPVS{State: ServiceReady}}
	for i := range services {
		service := Service{
			Name: fmt.Sprintf("198.18.%d.%d:80/tcp", i/250, i%250), Address: fmt.Sprintf("198.18.%d.%d:80", i/250, i%250),
			Protocol: "tcp", Scheduler: "wlc", Forward: "dr", State: ServiceReady, Counters: counters,
		}
		service.Addresses = []string{service.Address}
		for j := range 10 {
			reason := fmt.Sprintf("check %s/10.0.%d.%d:80 failed 3 of 3: connection refused", service.Name, i%250, j)
			service.Servers = append(service.Servers, Server{
				Address: fmt.Sprintf("10.0.%d.%d:80", i%250, j), Forward: "dr", State: ServerDown, Reason: reason, Since: time.Unix(1e9, 0).UTC(), Error: reason,
				Weight: 65535, ConfiguredWeight: 65535, Connections: Connections{math.MaxUint32, math.MaxUint32, math.MaxUint32}, Counters: counters,
			})
		}
		s.Services = append(s.Services, service)
	}
	return s
}

// A status of a thousand services with ten servers each, all of which are down, reaches
// the command that asks for it.
func TestAStatusOfManyServicesIsTaken(t *testing.T) {
	backend := &fakeBackend{status: busy(1000)}
	got, err := client(t, serveUnix(t, backend)).Status(t.Context())
	if err != nil || len(got.Services) != 1000 || len(got.Services[999].Servers) != 10 {
		t.Fatalf("%d services: %v", len(got.Services), err)
	}
	wantSame(t, "a server", got.Services[999].Servers[9], backend.status.Services[999].Servers[9], nil)
	body, err := encode(backend.status.complete())
	if err != nil {
		t.Fatal(err)
	}
	commas := strings.Count(string(body), ",")
	t.Logf("%d bytes of %d, %d elements of %d", len(body), maxAnswer, commas, maxElements)
}

// The names that programs rely on, and no null anywhere.
func TestServicesAsJSON(t *testing.T) {
	s := Status{IPVS: &IPVS{}, Services: []Service{{Servers: []Server{{Address: "10.0.0.11:80"}}}, {}}}
	body, err := encode(s.complete())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(body), "null") {
		t.Errorf("null in %s", body)
	}
	var got struct {
		Services []map[string]any
		IPVS     map[string]any
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	server := got.Services[0]["servers"].([]any)[0].(map[string]any)
	for _, name := range []string{"address", "weight", "healthy", "error"} {
		if _, there := server[name]; !there {
			t.Errorf("a server has no %q in %s", name, body)
		}
	}
	for _, name := range []string{"address", "protocol", "servers"} {
		if _, there := got.Services[1][name]; !there {
			t.Errorf("a service has no %q in %s", name, body)
		}
	}
	if s.Services[1].Servers != nil || s.IPVS.Foreign != nil {
		t.Error("what the backend keeps was changed")
	}
	if body, err = encode(Status{}.complete()); err != nil || strings.Contains(string(body), "ipvs") {
		t.Errorf("IPVS without a service: %s, %v", body, err)
	}
}
