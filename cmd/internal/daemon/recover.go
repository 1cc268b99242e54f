package daemon

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// Recovery is what `perch recover` works on: the data of a node whose daemon does
// not run, and cannot start before Close.
type Recovery struct {
	*cluster.Recovery
	Config *config.Config
}

// OpenRecovery opens the data of the node that a config describes, and changes
// nothing.
func OpenRecovery(configPath string) (*Recovery, error) {
	cfg, _, err := config.Load(configPath)
	if err != nil {
		return nil, err
	}
	if cfg.Cluster == nil {
		return nil, api.ErrNoCluster
	}
	c := cluster.Config{
		Name:      cfg.Cluster.Name,
		Node:      cfg.Node.Name,
		Heartbeat: cfg.Cluster.Heartbeat,
		Dir:       filepath.Join(cfg.Node.DataDir, "raft"),
	}
	for _, p := range cfg.Cluster.Peers {
		c.Peers = append(c.Peers, cluster.Peer(p))
	}
	opened, err := cluster.OpenRecovery(c)
	if err != nil {
		return nil, err
	}
	return &Recovery{opened, cfg}, nil
}

// lookLimit bounds the look whether a node's port is open.
const lookLimit = time.Second

// Running returns those of the other members, or nodes of the config, whose cluster
// port is open. That none is open proves nothing: the network may be cut.
func (r *Recovery) Running(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	var mu sync.Mutex
	var looks sync.WaitGroup
	var running []string
	for _, p := range roster(r.Config.Cluster, r.Members) {
		if p.Name == r.Config.Node.Name {
			continue
		}
		looks.Go(func() {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.Address.String())
			if err != nil {
				return
			}
			conn.Close()
			mu.Lock()
			defer mu.Unlock()
			running = append(running, p.Name)
		})
	}
	looks.Wait()
	slices.Sort(running)
	return running
}

// Recover copies the data directory and makes this node the only member. It returns
// the path of the copy.
func (r *Recovery) Recover(now time.Time) (string, error) {
	dir := filepath.Clean(r.Config.Node.DataDir)
	kept := dir + ".before-recover-" + now.UTC().Format("20060102T150405Z")
	if err := os.Mkdir(kept, 0o700); err != nil {
		return "", fmt.Errorf("keep a copy of data_dir: %w", err)
	}
	if err := os.CopyFS(kept, os.DirFS(dir)); err != nil {
		return "", fmt.Errorf("keep a copy of data_dir %s: %w", dir, err)
	}
	if err := r.Rewrite(); err != nil {
		return "", err
	}
	return kept, giveTo(dir)
}

// giveTo gives what root has written below dir to the owner of dir, who may be the
// user that the daemon runs as.
func giveTo(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	})
}
