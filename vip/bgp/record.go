package bgp

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"time"
)

// remember reads what an earlier run has announced.
func (s *Speaker) remember() {
	list, err := s.ledger.read()
	if err != nil {
		aside := string(s.ledger) + ".corrupt"
		err = errors.Join(err, os.Rename(string(s.ledger), aside))
		s.log.Error("ledger set aside; networks of an earlier run are withdrawn only where they are configured",
			"set_aside", aside, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.demand.retired == nil {
		s.demand.retired = set{}
	}
	for _, p := range list {
		s.demand.retired[p] = struct{}{}
	}
	s.demand.changed = true
}

// keep hands what is announced to the writer of the ledger, in place of what it has not
// taken yet.
func (s *Speaker) keep(list []netip.Prefix) {
	select {
	case <-s.records:
	default:
	}
	s.records <- list
}

// diskLimit is how long the end waits for the disk.
const diskLimit = time.Second

// finish has the last of the ledger written, unless the disk hangs.
func (s *Speaker) finish(written <-chan struct{}) {
	close(s.records)
	select {
	case <-written:
	case <-time.After(diskLimit):
		s.log.Warn("what is announced cannot be remembered", "error", "the disk takes too long", "ledger", string(s.ledger))
	}
}

// record writes the ledger until there is nothing more to come. What cannot be written is
// tried again at each look, and said once.
func (s *Speaker) record() {
	var written []netip.Prefix
	known := false
	said := ""
	for list := range s.records {
		if known && slices.Equal(written, list) {
			continue
		}
		if err := s.ledger.write(list); err != nil {
			if known = false; err.Error() != said {
				said = err.Error()
				s.log.Warn("what is announced cannot be remembered", "error", err)
			}
			continue
		}
		written, known, said = list, true, ""
	}
}
