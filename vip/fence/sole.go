package fence

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// errTaken says that another process fences VIPs in this network namespace. Its
// programs or tables would be replaced by ours, and with them what they know of its
// lease.
var errTaken = errors.New("another perch runs in this network namespace: " +
	"stop it first, or have it apply a changed config by `perch reload`")

// solePrefix begins the names of abstract unix sockets: the kernel keeps them by
// network namespace, and frees them with their process. Anybody may have such names;
// so each perch has one of its own, and looks whose the others are.
const solePrefix = "@perch-fence"

// sole makes this process the only one that fences VIPs in its network namespace,
// until what it returns is closed. Of two that come at once, the later to listen sees
// the other.
func sole() (*net.UnixListener, error) {
	name := solePrefix + "-" + randomName()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", name, err)
	}
	all, err := os.ReadFile("/proc/thread-self/net/unix")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("look for another perch: %w", err), l.Close())
	}
	for other := range names(string(all)) {
		if other != name && mayFence(other) {
			return nil, errors.Join(errTaken, l.Close())
		}
	}
	go answer(l)
	return l, nil
}

// answer makes room for those who look whose the socket is.
func answer(l *net.UnixListener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		c.Close()
	}
}

// names are those of perch's sockets in /proc/net/unix.
func names(table string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(table) {
		if i := strings.Index(line, " "+solePrefix); i >= 0 {
			all[strings.TrimSuffix(line[i+1:], "\n")] = true
		}
	}
	return all
}

// mayFence tells whether the process that listens on a socket has the rights of a
// perch: a name is not enough.
func mayFence(name string) bool {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return false // gone, or nobody listens as a perch does
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	var peer *unix.Ucred
	if control := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); control != nil || err != nil {
		return true
	}
	return peer.Uid == 0 || int(peer.Uid) == os.Geteuid() || isAdmin(int(peer.Pid))
}

// isAdmin tells whether a process has CAP_NET_ADMIN.
func isAdmin(pid int) bool {
	if pid == 0 {
		return false // it is in a PID namespace that cannot be seen from here
	}
	var sets [2]unix.CapUserData
	err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3, Pid: int32(pid)}, &sets[0])
	return err == nil && sets[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}
