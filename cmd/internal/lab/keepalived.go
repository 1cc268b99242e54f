package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// NewKeepalived returns a keepalived, VRRP only, with the text of a keepalived.conf. Its
// files are in the folder, which is made.
func NewKeepalived(h *Host, dir, config string) (*Daemon, error) {
	d := &Daemon{Name: "keepalived on " + h.Name, Host: h, Dir: dir}
	file := func(name string) string { return filepath.Join(dir, name) }
	pids := []string{file("pid"), file("vrrp.pid"), file("checkers.pid")}
	d.command = func() *exec.Cmd {
		for _, pid := range pids {
			_ = os.Remove(pid) // of one that was killed, whose number may not be free yet
		}
		return exec.Command("keepalived", "--vrrp", "--dont-fork", "--log-console", "--no-syslog", "--log-detail",
			"-f", file("keepalived.conf"), "-p", pids[0], "-r", pids[1], "-c", pids[2])
	}
	err := errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(file("keepalived.conf"), []byte(config), 0o600),
	)
	if err != nil {
		return nil, fmt.Errorf("write the files of %s: %w", d.Name, err)
	}
	return d, nil
}
