package sysctl

import (
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
)

// Keeper sets sysctls and puts them back. Its methods may be called at the same time.
type Keeper struct {
	root string
	file string
	log  *slog.Logger

	mu     sync.Mutex
	record record
}

// NewKeeper takes up what an earlier process has left in a file, which need not be there:
// the first Set or Restore puts back what is not needed any more. A file that cannot be
// read is logged, and counts as none.
func NewKeeper(file string, log *slog.Logger) *Keeper { return newKeeper(Root, file, log) }

func newKeeper(root, file string, log *slog.Logger) *Keeper {
	k := &Keeper{root: root, file: file, log: log}
	here, err := place(root)
	if err == nil {
		k.record, err = readRecord(file, here)
	}
	if err != nil {
		log.Error("record of an earlier run is lost: its sysctls stay as they are", "error", err)
		k.record = record{Version: recordVersion, Place: here}
	}
	return k
}

// Set sees to it that the sysctls are as wanted, in that order, and puts back those that
// it set and that are wanted no more. What somebody else has changed meanwhile is set
// again if it has to be, and that is then what is put back. It may be called as often as
// one likes: it goes on after an error, and what failed is tried again by the next call.
// The error wraps fs.ErrNotExist if there is no such sysctl, as is so with those of IPVS
// until its module is loaded.
func (k *Keeper) Set(want []Setting) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, c := range slices.Backward(slices.Clone(k.record.Changes)) {
		if !slices.ContainsFunc(want, func(s Setting) bool { return s.Name == c.Name }) {
			errs = append(errs, k.putBack(c))
		}
	}
	for _, s := range want {
		errs = append(errs, k.ensure(s))
	}
	return errors.Join(errs...)
}

// Restore puts everything back.
func (k *Keeper) Restore() error { return k.Set(nil) }

func (k *Keeper) ensure(s Setting) error {
	now, err := Read(k.root, s.Name)
	if err != nil {
		return err
	}
	if i := k.record.index(s.Name); i >= 0 && (k.record.Changes[i].Set != now || !s.Met(now)) {
		// Somebody else has changed it, or the process ended before it was set, or it was
		// set to another value.
		if err := k.putBack(k.record.Changes[i]); err != nil {
			return err
		}
		return k.ensure(s)
	}
	if s.Met(now) {
		return nil
	}
	return k.make(change{Name: s.Name, Before: now, Set: s.Value, Followers: followersOf(k.root, s)})
}

// make writes a change down and carries it out.
func (k *Keeper) make(c change) error {
	k.record.Changes = append(k.record.Changes, c)
	if err := k.record.write(k.file); err != nil {
		k.record.forget(c.Name)
		return err
	}
	if err := write(k.root, Setting{c.Name, c.Set}); err != nil {
		k.record.forget(c.Name)
		return errors.Join(err, k.record.write(k.file))
	}
	k.log.Info("sysctl set", "name", Display(c.Name), "value", c.Set, "before", c.Before)
	return nil
}

func (k *Keeper) putBack(c change) error {
	now, err := Read(k.root, c.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist): // went away with its interface or its module
	case err != nil:
		return err
	case now != c.Set:
		k.log.Info("sysctl left as others have set it", "name", Display(c.Name), "value", now)
	default:
		if err := k.undo(c); err != nil {
			return err
		}
		k.log.Info("sysctl put back", "name", Display(c.Name), "value", c.Before)
	}
	k.record.forget(c.Name)
	return k.record.write(k.file)
}

// undo writes what a sysctl and its followers were before; of those the ones that
// somebody else has changed meanwhile are left as that was.
func (k *Keeper) undo(c change) error {
	var after []Setting
	for _, f := range c.Followers {
		now, err := Read(k.root, f.Name)
		if err != nil {
			continue // went away with its interface
		}
		if now == f.After {
			now = f.Before
		}
		after = append(after, Setting{f.Name, now})
	}
	if err := write(k.root, Setting{c.Name, c.Before}); err != nil {
		return err
	}
	var errs []error
	for _, s := range after {
		if now, err := Read(k.root, s.Name); err != nil || now != s.Value {
			errs = append(errs, write(k.root, s))
		}
	}
	return errors.Join(errs...)
}
