package fence

import (
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
)

// listEvery is how often the interfaces are listed without a reason.
const listEvery = 10 * time.Second

// listing is what interfaces there are. Not to ask the kernel each time, of hundreds maybe,
// it holds until one of them, or what is attached to it, was told to be another.
type listing struct {
	links    []netlink.Link
	at       time.Duration
	watched  atomic.Bool // changes are told
	outdated atomic.Bool // one was
}

// get returns the interfaces, read anew if need be.
func (l *listing) get(read func() ([]netlink.Link, error)) ([]netlink.Link, error) {
	outdated := l.outdated.Swap(false) || !l.watched.Load() || l.links == nil // before it is read
	if !outdated && boottime()-l.at < listEvery {
		return l.links, nil
	}
	links, err := read()
	if err != nil {
		l.links = nil
		return nil, err
	}
	l.links, l.at = links, boottime()
	return links, nil
}
