package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/doctor"
)

// inquiryLimit is how long a peer has to answer.
const inquiryLimit = 3 * time.Second

// AskPeers asks each other node of a cluster what it says of itself, all at once, in the
// name of this node, whether or not this one runs.
func AskPeers(ctx context.Context, c *config.Config) []doctor.Peer {
	credentials, _, err := readCredentials(c.Cluster, c.Node.Name)
	self, _ := c.Cluster.Peer(c.Node.Name)
	var all []doctor.Peer
	for _, p := range c.Cluster.Peers {
		if p.Name != c.Node.Name {
			all = append(all, doctor.Peer{Name: p.Name, Address: p.Address})
		}
	}
	var asked sync.WaitGroup
	for i := range all {
		if err != nil {
			all[i].Trouble, all[i].Error = doctor.PeerUnasked, err.Error()
			continue
		}
		asked.Go(func() { inquire(ctx, credentials, self, &all[i], c) })
	}
	asked.Wait()
	return all
}

// inquire asks one peer, and compares its settings with those of c.
func inquire(ctx context.Context, credentials *cluster.Credentials, self config.Peer, p *doctor.Peer, c *config.Config) {
	ctx, cancel := context.WithTimeout(ctx, inquiryLimit)
	defer cancel()
	var conn net.Conn
	var asked time.Time // over a connection that is there
	client := api.NewPeerClient(func(ctx context.Context, _ string) (net.Conn, error) {
		var err error
		conn, err = credentials.Visit(ctx, self.Address.Addr(), cluster.Peer{Name: p.Name, Address: p.Address})
		asked = time.Now()
		return conn, err
	})
	defer client.CloseIdleConnections()
	report, err := client.Report(ctx, p.Name)
	if err != nil {
		p.Trouble, p.Error = troubleWith(err), err.Error()
		return
	}
	p.Version, p.Heartbeat, p.Fence, p.Unfenced, p.Disk = report.Version, report.Heartbeat, report.Fence, report.Unfenced, report.Trouble
	p.RTT, p.MSS = pathOf(conn)
	if s := skewOf(report.Time, asked, time.Since(asked)); s.known {
		p.Ahead, p.Doubt = s.ahead, s.doubt
	}
	p.Differs = otherSettings(c, report)
}

// troubleWith sorts the errors of asking a peer.
func troubleWith(err error) doctor.PeerTrouble {
	var timeout net.Error
	switch {
	case cluster.IsStranger(err):
		return doctor.PeerStranger
	case errors.Is(err, syscall.ECONNREFUSED):
		return doctor.PeerRefuses
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return doctor.PeerUnasked
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return doctor.PeerSilent
	}
	return doctor.PeerOther
}

// pathOf returns the shortest time there and back that the kernel has seen on a connection,
// and how large its segments may be; 0 if it does not say.
func pathOf(conn net.Conn) (rtt time.Duration, mss int) {
	secured, ok := conn.(*tls.Conn)
	if !ok {
		return 0, 0
	}
	tcp, ok := secured.NetConn().(*net.TCPConn)
	if !ok {
		return 0, 0
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, 0
	}
	var info *unix.TCPInfo
	if failed := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); failed != nil || err != nil {
		return 0, 0
	}
	return time.Duration(info.Min_rtt) * time.Microsecond, int(info.Snd_mss)
}
