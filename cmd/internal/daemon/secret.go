package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// maxSecret bounds the secret file.
const maxSecret = 64 << 10

// secretHint is how a node comes by its secret.
const secretHint = "copy it from a node that has it, or let `perch init` make one on the first node"

// readSecret reads the cluster's secret. Others than its owner and the group
// must not be able to read it, and only root or this user may own it.
func readSecret(path string) ([]byte, error) {
	f, err := config.OpenFile(path)
	switch {
	case errors.Is(err, config.ErrNotRegular):
		return nil, fmt.Errorf("read secret_file: %w", err)
	case err != nil:
		return nil, fmt.Errorf("read secret_file: %w; %s", err, secretHint)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read secret_file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&^0o640 != 0 {
		return nil, fmt.Errorf("read secret_file %s: its mode is %04o, at most 0640 is allowed; run: chmod 0600 %s", path, mode, path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("read secret_file %s: it belongs to user %d; it must belong to root or to the daemon's user, %d", path, stat.Uid, os.Geteuid())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return nil, fmt.Errorf("read secret_file: %w", err)
	}
	secret := bytes.TrimSpace(data)
	switch {
	case len(data) > maxSecret:
		return nil, fmt.Errorf("read secret_file %s: more than %d bytes", path, maxSecret)
	case len(secret) < cluster.MinSecret:
		return nil, fmt.Errorf("read secret_file %s: %d bytes, at least %d are needed; %s", path, len(secret), cluster.MinSecret, secretHint)
	}
	return secret, nil
}
