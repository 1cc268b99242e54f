package daemon

import (
	"fmt"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vrrp"
)

// routerSecrets are what authenticates the adverts of virtual routers, by their names.
type routerSecrets map[string]vrrp.Authentication

// Lengths of secrets in bytes: a password fills a field of 8, and HMAC keys are as
// long as keepalived wants them.
const (
	maxPassword = len(vrrp.Secret{})
	minHMACKey  = 32
	maxHMACKey  = 64
)

// readRouterSecrets reads the files of secrets that virtual routers name, but for those that
// are given. What has changed in them takes effect at a reload.
func readRouterSecrets(list []config.VirtualRouter, given map[string]string) (routerSecrets, error) {
	secrets := routerSecrets{}
	read := func(router, path string, least, most int) ([]byte, error) {
		secret, err := givenSecret(given, path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("vrrp %s: %w", router, err)
		case len(secret) < least || len(secret) > most:
			return nil, fmt.Errorf("vrrp %s: %s has %d bytes, must have %d to %d", router, path, len(secret), least, most)
		}
		return secret, nil
	}
	for i := range list {
		auth, err := authenticationOf(&list[i], read)
		if err != nil {
			return nil, err
		}
		secrets[list[i].Name] = auth
	}
	return secrets, nil
}

// givenSecret returns what is given for a path, or else what is in the file.
func givenSecret(given map[string]string, path string) ([]byte, error) {
	if secret, ok := given[path]; ok {
		return []byte(secret), nil
	}
	return readSecretFile("secret_file", path)
}

// authenticationOf reads what one router needs.
func authenticationOf(r *config.VirtualRouter, read func(router, path string, least, most int) ([]byte, error)) (vrrp.Authentication, error) {
	a := vrrp.Authentication{Kind: authKinds[r.Auth.Kind]}
	switch r.Auth.Kind {
	case "pass", "ah":
		secret, err := read(r.Name, r.Auth.SecretFile, 1, maxPassword)
		if err != nil {
			return a, err
		}
		copy(a.Secret[:], secret)
	case "hmac":
		a.Keys, a.Active = map[uint8][]byte{}, uint8(r.Auth.Active)
		a.Window, a.Mode, a.Replay = r.Auth.Window, trailerModes[r.Auth.Mode], antiReplays[r.Auth.AntiReplay]
		for _, key := range r.Auth.Keys {
			secret, err := read(r.Name, key.File, minHMACKey, maxHMACKey)
			if err != nil {
				return a, err
			}
			a.Keys[uint8(key.ID)] = secret
		}
	}
	return a, nil
}

var trailerModes = map[string]vrrp.TrailerMode{
	"enforce": vrrp.Enforce, "permissive": vrrp.Permissive, "receive-only": vrrp.ReceiveOnly,
}

var antiReplays = map[string]vrrp.AntiReplay{"time": vrrp.Timed, "monotonic": vrrp.Monotonic}
