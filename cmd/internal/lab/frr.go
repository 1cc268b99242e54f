package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// frrDir is the folder of FRR's sockets, of which each host with an FRR has its own.
const frrDir = "/run/frr"

// frrScript runs zebra and vrrpd, and ends them in the order of their dependence. It is
// the first process of a PID namespace: the two change their user, which makes the
// kernel forget that they are to die with their parent, but not with that one. Vrrpd gets
// its configuration late: one that is master before zebra has told it of the interfaces'
// addresses fails to bind, and stays mute.
const frrScript = `
trap 'kill $vrrpd; wait $vrrpd; kill $zebra; wait $zebra; exit 0' TERM
rm -f /run/frr/*.api /run/frr/*.vty
/usr/lib/frr/zebra -A 127.0.0.1 -i /run/frr/zebra.pid -f /dev/null --log stdout & zebra=$!
until [ -S /run/frr/zserv.api ]; do sleep 0.02; done
/usr/lib/frr/vrrpd -A 127.0.0.1 -i /run/frr/vrrpd.pid -f /dev/null --log stdout & vrrpd=$!
until [ -S /run/frr/vrrpd.vty ]; do sleep 0.02; done
vtysh -d vrrpd -f /run/frr/vrrpd.conf
wait
`

// NewFRR returns an FRR, zebra and vrrpd only, with the text of vrrpd's configuration.
// The folder, which is made, has its log. A host has one at most.
func NewFRR(h *Host, dir, config string) (*Daemon, error) {
	d := &Daemon{Name: "FRR on " + h.Name, Host: h, Dir: dir}
	d.command = func() *exec.Cmd { return firstProcess(frrScript) }
	err := errors.Join(os.MkdirAll(dir, 0o700), h.prepareFRR("vrrpd.conf", config))
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", d.Name, err)
	}
	return d, nil
}

// firstProcess returns a shell with a PID namespace of its own, and the script's arguments
// from $0 on.
func firstProcess(script string, args ...string) *exec.Cmd {
	cmd := exec.Command("sh", append([]string{"-c", script}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	return cmd
}

// prepareFRR gives the host a frrDir of its own, with a file of configuration in it.
func (h *Host) prepareFRR(file, config string) error {
	return h.Do(func() error {
		return errors.Join(
			h.ns.unshareMounts(),
			unix.Mount("frr", frrDir, "tmpfs", 0, "mode=1777"),
			unix.Mount("frr", "/var/tmp", "tmpfs", 0, "mode=1777"), // where it logs crashes
			os.WriteFile(filepath.Join(frrDir, file), []byte(config), 0o644),
		)
	})
}
