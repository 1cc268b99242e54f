package checker

import (
	"bytes"
	"encoding/binary"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// inotifyEvent is what the kernel tells of a watch.
type inotifyEvent struct {
	watch int32
	mask  uint32
	name  string // in the folder; "" for the folder itself
}

// concerns tells whether a place may be another now. That events were lost concerns all,
// and what happens to a folder all that is in it.
func (e inotifyEvent) concerns(p *watchedPlace) bool {
	switch {
	case e.mask&unix.IN_Q_OVERFLOW != 0:
		return true
	case e.watch != p.watch:
		return false
	case e.mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT|unix.IN_IGNORED) != 0:
		return true
	}
	return e.mask&p.events != 0 && e.name == filepath.Base(p.path)
}

// parseInotify reads the events of one read. What is cut short ends them.
func parseInotify(b []byte) []inotifyEvent {
	var events []inotifyEvent
	for len(b) >= unix.SizeofInotifyEvent {
		length := binary.NativeEndian.Uint32(b[12:])
		event := inotifyEvent{
			watch: int32(binary.NativeEndian.Uint32(b)),
			mask:  binary.NativeEndian.Uint32(b[4:]),
		}
		b = b[unix.SizeofInotifyEvent:]
		if uint64(length) > uint64(len(b)) {
			return events
		}
		name, _, _ := bytes.Cut(b[:length], []byte{0})
		event.name = string(name)
		events = append(events, event)
		b = b[length:]
	}
	return events
}
