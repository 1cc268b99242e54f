package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// BGPD is how bgpd can be spoken to.
type BGPD int

// What came of trying to.
const (
	BGPDHeard     BGPD = iota // it can, or that was not tried
	BGPDMissing               // there is no socket
	BGPDSilent                // nobody listens at it
	BGPDForbidden             // this user may not
)

// tryBGP completes the facts by those of BGP.
func (f *Facts) tryBGP(socket string) {
	f.BGPD, f.BGPDGroup, f.User = tryBGPD(socket), groupOf(socket), userName()
	_, err := os.Stat(tunDevice)
	f.NoTUN = errors.Is(err, fs.ErrNotExist)
}

// userName is whom this process runs as: a name, or a number that has none.
func userName() string {
	id := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// dialLimit is how long connecting to bgpd may take. The kernel does that by itself.
const dialLimit = time.Second

// tryBGPD connects to bgpd's vty, and says nothing.
func tryBGPD(socket string) BGPD {
	conn, err := net.DialTimeout("unix", socket, dialLimit)
	switch {
	case err == nil:
		_ = conn.Close() // nothing was sent
		return BGPDHeard
	case errors.Is(err, fs.ErrNotExist):
		return BGPDMissing
	case errors.Is(err, fs.ErrPermission):
		return BGPDForbidden
	case errors.Is(err, unix.ECONNREFUSED):
		return BGPDSilent
	default:
		return BGPDHeard // so many wait that it takes no more, for one
	}
}

// groupOf is the group that a file belongs to; frrvty, which is FRR's, if that is not to be
// seen.
func groupOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "frrvty"
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "frrvty"
	}
	id := strconv.FormatUint(uint64(stat.Gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}

// announced finds what keeps VIPs from being announced by BGP.
func announced(c *config.Config, f Facts) (all []Finding) {
	if c.BGP == nil {
		return nil
	}
	const lost = "nothing is announced or withdrawn by BGP"
	found := Finding{Severity: Error, Subject: c.BGP.Socket}
	switch f.BGPD {
	case BGPDMissing:
		found.Text = "is not there: " + lost
		found.Command = "sed -i s/^bgpd=no/bgpd=yes/ /etc/frr/daemons && systemctl restart frr"
	case BGPDSilent:
		found.Text, found.Command = "has nobody who listens: "+lost, "systemctl restart frr"
	case BGPDForbidden:
		found.Text = fmt.Sprintf("may not be spoken to by user %s: %s if perch runs as that one", f.User, lost)
		found.Command = fmt.Sprintf("usermod -aG %s %s && systemctl try-restart perch", f.BGPDGroup, f.User)
	case BGPDHeard:
		return moved(c, f)
	}
	return append([]Finding{found}, moved(c, f)...)
}

// moved finds what costs routers their route in a planned move.
func moved(c *config.Config, f Facts) []Finding {
	if c.BGP.Anycast || c.Cluster == nil || !f.NoTUN {
		return nil
	}
	return []Finding{{
		Warning, tunDevice, "is not there: routers may have no route to the VIPs for some 100 ms of a planned move", "modprobe tun",
	}}
}

// tunDevice is what routes are kept with while VIPs move.
const tunDevice = "/dev/net/tun"
