package daemon

import "github.com/perch-vip/perch/cmd/internal/config"

// Source reads the config, at the start and at each reload.
type Source func() (Sourced, error)

// Sourced is what a Source has read. Its error is that of config.Load.
type Sourced struct {
	Config   *config.Config
	Warnings []config.Warning
	// Secrets are the contents of secret files that are no files, by the paths that the config
	// names: those of a keepalived.conf, which has its passwords in it.
	Secrets map[string]string
}

// File returns the source that reads a perch.toml.
func File(path string) Source {
	return func() (Sourced, error) {
		c, warnings, err := config.Load(path)
		return Sourced{Config: c, Warnings: warnings}, err
	}
}
