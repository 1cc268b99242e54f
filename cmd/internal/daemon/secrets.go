package daemon

import "github.com/perch-vip/perch/cluster"

// secrets are what a config's files of secrets held.
type secrets struct {
	cluster *cluster.Credentials // nil without a [cluster]
	routers routerSecrets
	files   []credentialFile // of the cluster's
}

// readSecrets reads all files of secrets that a config names.
func readSecrets(sourced Sourced) (s secrets, err error) {
	cfg := sourced.Config
	if cfg.Cluster != nil {
		if s.cluster, s.files, err = readCredentials(cfg.Cluster, cfg.Node.Name); err != nil {
			return secrets{}, err
		}
	}
	if s.routers, err = readRouterSecrets(cfg.VRRP, sourced.Secrets); err != nil {
		return secrets{}, err
	}
	return s, nil
}
