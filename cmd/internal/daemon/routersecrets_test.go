package daemon

import (
	"testing"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vrrp"
)

func TestRouterSecretsHaveAntiReplay(t *testing.T) {
	for word, want := range map[string]vrrp.AntiReplay{"time": vrrp.Timed, "monotonic": vrrp.Monotonic} {
		router := config.VirtualRouter{Name: "gw", Auth: config.Auth{Kind: "hmac", AntiReplay: word}}
		got, err := readRouterSecrets([]config.VirtualRouter{router}, nil)
		if err != nil || got["gw"].Replay != want {
			t.Errorf("%s: %+v, %v", word, got, err)
		}
	}
}

// What the config says of signatures is what adverts are judged by.
func TestRouterSecretsHaveTheMode(t *testing.T) {
	key := config.AuthKey{ID: 7, File: "/key"}
	given := map[string]string{"/key": "0123456789abcdef0123456789abcdef"}
	for mode, want := range map[string]vrrp.TrailerMode{
		"enforce": vrrp.Enforce, "permissive": vrrp.Permissive, "receive-only": vrrp.ReceiveOnly,
	} {
		router := config.VirtualRouter{Name: "gw", Auth: config.Auth{Kind: "hmac", Keys: []config.AuthKey{key}, Active: 7, Mode: mode}}
		got, err := readRouterSecrets([]config.VirtualRouter{router}, given)
		if err != nil {
			t.Fatal(err)
		}
		if a := got["gw"]; a.Mode != want || a.Active != 7 || string(a.Keys[7]) != given["/key"] {
			t.Errorf("%s: %+v", mode, a)
		}
	}
}
