package fence

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink"
)

// Interfaces are listed anew after a change that was told, while none are told, after an
// error, and after a while.
func TestListing(t *testing.T) {
	var l listing
	var fails error
	reads := 0
	read := func() ([]netlink.Link, error) {
		reads++
		return []netlink.Link{&netlink.Dummy{}}, fails
	}
	get := func(when string, wantReads int, wantError error) {
		t.Helper()
		reads = 0
		links, err := l.get(read)
		if reads != wantReads || !errors.Is(err, wantError) || (err == nil) != (len(links) == 1) {
			t.Errorf("%s: read %d times, want %d; %d interfaces, error %v", when, reads, wantReads, len(links), err)
		}
	}
	get("at first", 1, nil)
	get("while nobody watches", 1, nil)
	l.watched.Store(true)
	get("while nothing is told", 0, nil)
	l.outdated.Store(true)
	get("after a change", 1, nil)
	get("and then", 0, nil)
	l.at -= listEvery
	get("after a while", 1, nil)
	broken := errors.New("broken")
	l.outdated.Store(true)
	fails = broken
	get("that fails", 1, broken)
	fails = nil
	get("after an error", 1, nil)
	l.watched.Store(false)
	get("after the watch", 1, nil)
}

// What changed before changes are told makes the first list of the watch another one.
func TestWatchBeginsWithAList(t *testing.T) {
	b := &bpf{}
	b.listed.links = []netlink.Link{}
	b.listed.at = boottime()
	b.watching()
	if !b.listed.outdated.Load() || !b.listed.watched.Load() {
		t.Error("what was listed before counts")
	}
}
