package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// A group that has lost a majority of its members for good never elects a leader
// again. What one of the rest knows can be made a group of that node alone. Nothing
// here can see whether the others are really gone: should a majority of them run, or
// start again with its data, there are two groups.

// ErrNothingToRecover is a data directory without anything of a cluster.
var ErrNothingToRecover = errors.New("there is nothing of the cluster here")

// Recovery is the data of a node whose daemon does not run. It keeps the daemon from
// starting until it is closed.
type Recovery struct {
	cfg   Config
	store *store
	// Members are those of the group as this node knows it.
	Members []Member
	// Memory is what the cluster remembers as far as this node knows, with what it
	// does not know to be committed.
	Memory state.State
	// Index and Term are those of the newest entry.
	Index, Term uint64
}

// OpenRecovery opens the data of a stopped node and changes nothing. Of cfg it needs
// Name, Node, Peers, Heartbeat and Dir.
func OpenRecovery(cfg Config) (*Recovery, error) {
	if _, listed := cfg.peer(cfg.Node); !listed {
		return nil, fmt.Errorf("recover cluster %s: this node, %q, is not one of its peers", cfg.Name, cfg.Node)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, "raft.db")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("recover cluster %s from %s: %w", cfg.Name, cfg.Dir, ErrNothingToRecover)
	} else if err != nil {
		return nil, err
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	store, err := openStore(cfg.Dir, raftLogger(cfg.Log), func(error) {})
	if err != nil {
		return nil, err
	}
	r := &Recovery{cfg: cfg, store: store}
	if err = store.belongTo(cfg.Name, cfg.Node); err == nil {
		err = r.read()
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return r, nil
}

// Close lets the daemon start.
func (r *Recovery) Close() error { return r.store.Close() }

// read reads the newest snapshot and the log behind it.
func (r *Recovery) read() error {
	known, err := raft.HasExistingState(r.store, r.store, r.store)
	if err != nil {
		return fmt.Errorf("read state of cluster %s: %w", r.cfg.Name, err)
	}
	memory := &fsm{changed: func() {}}
	if err := r.readSnapshot(memory); err != nil {
		return err
	}
	last, err := r.store.LastIndex()
	if err != nil {
		return err
	}
	for index := r.Index + 1; index <= last; index++ {
		var entry raft.Log
		if err := r.store.GetLog(index, &entry); err != nil {
			return fmt.Errorf("read log entry %d: %w", index, err)
		}
		r.Index, r.Term = entry.Index, entry.Term
		switch entry.Type {
		case raft.LogCommand:
			memory.Apply(&entry)
		case raft.LogConfiguration:
			c, err := decodeConfiguration(entry.Data)
			if err != nil {
				return fmt.Errorf("read log entry %d: %w", index, err)
			}
			r.Members = listMembers(c.Servers)
		}
	}
	r.Memory = memory.read()
	if !known || len(r.Members) == 0 {
		return fmt.Errorf("recover cluster %s from %s: %w", r.cfg.Name, r.cfg.Dir, ErrNothingToRecover)
	}
	return nil
}

// readSnapshot reads the newest snapshot, if there is one.
func (r *Recovery) readSnapshot(into *fsm) error {
	snapshots, err := r.store.List()
	if err != nil || len(snapshots) == 0 {
		return err
	}
	meta, source, err := r.store.Open(snapshots[0].ID)
	if err != nil {
		return fmt.Errorf("read snapshot %s: %w", snapshots[0].ID, err)
	}
	r.Index, r.Term, r.Members = meta.Index, meta.Term, listMembers(meta.Configuration.Servers)
	return into.Restore(source)
}

// Rewrite makes this node the only member. It keeps what the cluster remembers; the
// entries that this node does not know to be committed count as such.
func (r *Recovery) Rewrite() error {
	self, _ := r.cfg.peer(r.cfg.Node)
	alone := raft.Configuration{Servers: []raft.Server{{
		Suffrage: raft.Voter, ID: raft.ServerID(self.Name), Address: raft.ServerAddress(self.Address.String()),
	}}}
	// A founder that has not begun yet must not begin with the members of then.
	if err := r.store.setNote(keyFounders, []byte("{}")); err != nil {
		return err
	}
	_, transport := raft.NewInmemTransport(raft.ServerAddress(self.Address.String())) // the library encodes addresses with it
	memory := &recovered{fsm: &fsm{changed: func() {}}, node: self.Name, term: r.Term}
	if err := raft.RecoverCluster(r.cfg.raftConfig(), memory, r.store, r.store, r.store, transport, alone); err != nil {
		return fmt.Errorf("make %s the only member of cluster %s: %w", self.Name, r.cfg.Name, err)
	}
	// Last: until then a newcomer is one, and has no vote in the old membership.
	return r.store.setNote(keyStage, stageMember)
}

// recovered is the memory of a cluster that explains the next move by the recovery.
type recovered struct {
	*fsm
	node string
	term uint64
}

// Snapshot implements raft.FSM.
func (f *recovered) Snapshot() (raft.FSMSnapshot, error) {
	f.mu.Lock()
	f.state.Plan = nil
	if last, known := f.state.Owner(); known && last.To != f.node {
		f.state.Plan = &state.Plan{Term: f.term, From: last.To, Reason: "perch recover on " + f.node}
	}
	f.mu.Unlock()
	return f.fsm.Snapshot()
}
