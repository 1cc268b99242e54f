package fence

import (
	"errors"
	"fmt"
	"log/slog"
)

// strong lists the mechanisms that enforce a lease, the strongest first.
var strong = []struct {
	kind Kind
	open func(*slog.Logger) (mechanism, error)
}{
	{NFTables, openNFTables},
}

// New makes a fence of the wanted kind, shut. With Auto the strongest that this
// kernel and this process's capabilities allow, and the log says what is missing for
// a stronger one.
func New(kind Kind, log *slog.Logger) (*Fence, error) {
	switch kind {
	case Lifetime, Off:
		return &Fence{kind: kind, log: log}, nil
	}
	var errs []error
	for _, candidate := range strong {
		if kind != Auto && kind != candidate.kind {
			continue
		}
		kernel, err := candidate.open(log)
		if err == nil {
			return &Fence{kind: candidate.kind, log: log, kernel: kernel}, nil
		}
		errs = append(errs, fmt.Errorf("%s fence: %w", candidate.kind, err))
	}
	if kind != Auto {
		return nil, errors.Join(errs...)
	}
	log.Warn("no fence that ends with the lease: addresses only end with their lifetime", "error", errors.Join(errs...))
	return &Fence{kind: Lifetime, log: log}, nil
}
