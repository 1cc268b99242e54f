package checker

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"
)

// scanRest is how long a scan is good for those who ask next.
const scanRest = 100 * time.Millisecond

// processes is what the checks of kind "process" share.
type processes struct {
	deaths deaths
	births births

	turn    chan struct{} // holds one while somebody scans, or reads of it
	scanned time.Time
	found   []process
}

func newProcesses() processes {
	return processes{turn: make(chan struct{}, 1), births: births{first: make(chan struct{})}}
}

// Run notices what processes do until ctx ends.
func (p *processes) Run(ctx context.Context, log *slog.Logger) {
	var parts sync.WaitGroup
	parts.Go(func() { p.deaths.Run(ctx, log) })
	parts.Go(func() { p.births.Run(ctx, log) })
	parts.Wait()
}

// scan returns all processes but this one, as they were a moment ago. Whoever asks while
// somebody scans waits for that scan.
func (p *processes) scan(ctx context.Context) ([]process, error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("scan of processes: %w", ctx.Err())
	}
	defer func() { <-p.turn }()
	if !p.scanned.IsZero() && time.Since(p.scanned) < scanRest {
		return p.found, nil
	}
	found, err := scanProcesses(ctx)
	if err != nil {
		return nil, err
	}
	p.scanned, p.found = time.Now(), found
	return found, nil
}

// scanProcesses reads the names of all processes, whether they are well or not. Those that
// end meanwhile, or are hidden, are left out.
func scanProcesses(ctx context.Context) ([]process, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = proc.Close() }()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var (
		found  []process
		reader procReader
	)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() {
			continue
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("scan of processes: %w", ctx.Err())
		}
		if p, err := reader.names(pid); err == nil {
			found = append(found, p)
		}
	}
	return found, nil
}
