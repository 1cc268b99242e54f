package fence

import (
	"errors"
	"fmt"
	"log/slog"
)

// candidate is a mechanism that may be had.
type candidate struct {
	kind Kind
	open func(*slog.Logger) (mechanism, error)
	// sweep takes out of the kernel what a dead perch left of it, also where open is
	// refused.
	sweep func(*slog.Logger) error
}

// strong lists the mechanisms that enforce a lease, the strongest first.
var strong = []candidate{
	{BPF, openBPF, sweepBPF},
	{NFTables, openNFTables, sweepNFTables},
}

// New makes a fence of the wanted kind, shut. With Auto the strongest that this
// kernel and this process's capabilities allow, and the log says what is missing for
// a stronger one. There can be one at a time in a network namespace.
func New(kind Kind, log *slog.Logger) (*Fence, error) {
	lock, err := sole()
	if err != nil {
		return nil, fmt.Errorf("open a fence: %w", err)
	}
	f, err := choose(kind, strong, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	f.lock = lock
	for _, c := range strong {
		if c.kind != f.kind {
			f.others = append(f.others, c)
		}
	}
	return f, nil
}

func choose(kind Kind, candidates []candidate, log *slog.Logger) (*Fence, error) {
	if kind == Lifetime || kind == Off {
		return &Fence{kind: kind, log: log}, nil
	}
	var missing []error
	for _, c := range candidates {
		if kind != Auto && kind != c.kind {
			continue
		}
		kernel, err := c.open(log)
		if err != nil {
			missing = append(missing, fmt.Errorf("%s fence: %w", c.kind, err))
			continue
		}
		f := &Fence{kind: c.kind, log: log, kernel: kernel, missing: allOf(missing)}
		if f.missing != nil {
			log.Warn("a stronger fence cannot be had here", "fence", c.kind, "missing", f.missing)
		}
		return f, nil
	}
	switch {
	case kind != Auto && len(missing) == 0:
		return nil, fmt.Errorf("unknown fence %q", kind)
	case kind != Auto:
		return nil, errors.Join(missing...)
	}
	f := &Fence{kind: Lifetime, log: log, missing: allOf(missing)}
	log.Warn("no fence that ends with the lease: addresses only end with their lifetime", "missing", f.missing)
	return f, nil
}

// allOf says what is missing in one line.
func allOf(missing []error) error {
	if len(missing) == 0 {
		return nil
	}
	all := missing[0]
	for _, err := range missing[1:] {
		all = fmt.Errorf("%w; %w", all, err)
	}
	return all
}
