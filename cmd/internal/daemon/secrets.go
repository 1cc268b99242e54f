package daemon

import (
	"errors"

	"github.com/perch-vip/perch/cluster"
)

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

// CheckSecrets reads all files of secrets that a config names, as a daemon of this process's
// user would, and keeps none. Its error is why a daemon would not start.
func CheckSecrets(source Source) error {
	sourced, err := source()
	if err != nil {
		return err
	}
	_, err = readSecrets(sourced)
	errs := []error{err}
	for i := range sourced.Config.Notify {
		switch n := &sourced.Config.Notify[i]; {
		case n.Mail.Server != "":
			_, _, err = mailOf(n, sourced.Config.Node.Name)
		case n.Webhook.URL != "":
			_, _, err = webhookOf(n, sourced.Config.Node.Name, "")
		default:
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
