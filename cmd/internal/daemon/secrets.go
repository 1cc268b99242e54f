package daemon

import (
	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// secrets are what a config's files of secrets held.
type secrets struct {
	cluster *cluster.Credentials // nil without a [cluster]
	routers routerSecrets
	files   []credentialFile
}

// readSecrets reads all files of secrets that a config names.
func readSecrets(cfg *config.Config) (s secrets, err error) {
	if cfg.Cluster != nil {
		if s.cluster, s.files, err = readCredentials(cfg.Cluster, cfg.Node.Name); err != nil {
			return secrets{}, err
		}
	}
	routers, files, err := readRouterSecrets(cfg.VRRP)
	if err != nil {
		return secrets{}, err
	}
	s.routers, s.files = routers, append(s.files, files...)
	return s, nil
}
