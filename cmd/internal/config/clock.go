package config

import "time"

// Clock says how the followers of a cluster take time from its leader, through the chronyd
// of this machine. All paths are absolute.
type Clock struct {
	SourcesDir string // a sourcedir of chronyd's configuration
	Socket     string // of chronyd's commands
	Chronyc    string
	Interval   time.Duration // from one look at the leader's time to the next
	MaxOffset  time.Duration // from the leader's time, beyond which there is a warning
}
