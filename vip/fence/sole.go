package fence

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// errTaken says that another process fences VIPs in this network namespace. Its
// programs or tables would be replaced by ours, and with them what they know of its
// lease.
var errTaken = errors.New("another perch runs in this network namespace")

// soleName is an abstract unix socket: the kernel keeps one of a name in a network
// namespace, and frees it with the process.
const soleName = "@perch-fence"

// sole makes this process the only one that fences VIPs in its network namespace,
// until what it returns is closed.
func sole() (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: soleName, Net: "unix"})
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, errTaken
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", soleName, err)
	}
	return l, nil
}
