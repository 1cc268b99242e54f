package daemon

import (
	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// secrets are what a config's files of secrets held.
type secrets struct {
	cluster *cluster.Credentials // nil without a [cluster]
	routers routerSecrets
	files   []credentialFile // of the cluster's
}

// readSecrets reads all files of secrets that a config names.
func readSecrets(cfg *config.Config) (s secrets, err error) {
	if cfg.Cluster != nil {
		if s.cluster, s.files, err = readCredentials(cfg.Cluster, cfg.Node.Name); err != nil {
			return secrets{}, err
		}
	}
	if s.routers, err = readRouterSecrets(cfg.VRRP); err != nil {
		return secrets{}, err
	}
	return s, nil
}
