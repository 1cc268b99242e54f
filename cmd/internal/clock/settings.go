package clock

import (
	"path/filepath"
	"time"
)

// Settings are those of the config. They may be compared.
type Settings struct {
	Cluster   string
	Dir       string // of the file; a sourcedir of chronyd
	Socket    string // of chronyd's commands
	Chronyc   string
	Interval  time.Duration // from one look at the leader's time to the next
	MaxOffset time.Duration // beyond which there is a warning
}

// File is the path of the file.
func (s Settings) File() string { return filepath.Join(s.Dir, FileName(s.Cluster)) }

// argv is the command that has chronyd read the file. With the socket named, chronyc does not
// try by network when it cannot be had, for which chronyd would only blame the command.
func (s Settings) argv() []string {
	return []string{s.Chronyc, "-h", s.Socket, "reload", "sources"}
}
