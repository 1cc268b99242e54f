package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/vip/atomicfile"
)

// orderBookFile is where a node without a cluster keeps the orders for real servers.
const orderBookFile = "orders.json"

// orderBook is what a node without a cluster remembers that operators want of real
// servers: the state of a cluster of which there is this node alone, in a file.
type orderBook struct {
	path  string
	given chan struct{} // a signal that another order stands

	writing sync.Mutex // held while the file is written
	mu      sync.Mutex // guards what follows, for moments only
	state   state.State
}

// openOrderBook reads what stands. A file that is of no use is set aside, and nothing
// stands then: real servers are no reason not to serve VIPs.
func openOrderBook(dataDir string, log *slog.Logger) *orderBook {
	b := &orderBook{path: filepath.Join(dataDir, orderBookFile), given: make(chan struct{}, 1)}
	if err := b.read(); err != nil {
		aside := b.path + ".corrupt"
		err = errors.Join(err, os.Rename(b.path, aside))
		log.Error("orders for real servers are lost: give them again", "error", err, "set_aside", aside)
	}
	return b
}

func (b *orderBook) read() error {
	content, err := os.ReadFile(b.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("read orders: %w", err)
	}
	if err := b.state.Decode(content); err != nil {
		return fmt.Errorf("read orders %s: %w", b.path, err)
	}
	return nil
}

// orders returns what stands. It must not be changed.
func (b *orderBook) orders() state.Orders {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state.Servers
}

// give has an order stand, once it is in the file. After an error it does not, unless
// the error says so.
func (b *orderBook) give(o state.Server) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	entry, err := state.Encode(state.Command{Server: &o})
	if err != nil {
		return err
	}
	next := b.state.Clone()
	if err := next.Apply(next.Applied+1, entry); err != nil {
		return err
	}
	content, err := next.Encode()
	if err != nil {
		return err
	}
	err = b.replace(content)
	unsynced := errors.Is(err, atomicfile.ErrUnsynced)
	if err != nil && !unsynced {
		return fmt.Errorf("write orders: %w", err)
	}
	b.mu.Lock()
	b.state = next
	b.mu.Unlock()
	select {
	case b.given <- struct{}{}:
	default: // one is on its way
	}
	if unsynced {
		return fmt.Errorf("write orders: the order stands, and may be lost in a crash: %w", err)
	}
	return nil
}

// replace puts another file in the place of the one that there is, as a whole.
func (b *orderBook) replace(content []byte) error {
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return err
	}
	return atomicfile.Replace(b.path, content)
}
