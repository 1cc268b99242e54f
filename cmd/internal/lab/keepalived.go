package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// NewKeepalived returns a keepalived, VRRP only, with the text of a keepalived.conf. Its
// files are in the folder, which is made.
func NewKeepalived(h *Host, dir, config string) (*Daemon, error) {
	file := func(name string) string { return filepath.Join(dir, name) }
	d := NewDaemon("keepalived on "+h.Name, h, dir, "keepalived", "--vrrp", "--dont-fork", "--log-console", "--no-syslog", "--log-detail",
		"-f", file("keepalived.conf"), "-p", file("pid"), "-r", file("vrrp.pid"), "-c", file("checkers.pid"))
	err := errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(file("keepalived.conf"), []byte(config), 0o600),
	)
	if err != nil {
		return nil, fmt.Errorf("write the files of %s: %w", d.Name, err)
	}
	return d, nil
}
