package checker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// contentEvents are what tells that a file has another content, or none anymore. Each
// write alone is no news: files are written in pieces.
const contentEvents = unix.IN_CLOSE_WRITE | unix.IN_ATTRIB | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE

// folders watches the folders that files are in, by one inotify instance. A file system
// that hangs keeps those waiting that look there, and nobody else.
type folders struct {
	addWatch func(inotify *os.File, folder string, events uint32) (watch int32, err error)

	mu      sync.Mutex
	inotify *os.File // nil while Run does not run
	places  map[*watchedPlace]struct{}
}

// watchedPlace is a name in a folder. Its zero value is not watched.
type watchedPlace struct {
	path   string
	events uint32
	bell   bell
	watch  int32 // of the folder; 0 while there is none
}

// watch calls changed after each of some events about a path, until ctx ends.
func (f *folders) watch(ctx context.Context, p *watchedPlace, path string, events uint32, changed func()) {
	bell := newBell()
	f.add(p, watchedPlace{path: path, events: events, bell: bell})
	defer f.remove(p)
	f.renew(p)
	bell.answer(ctx, changed)
}

func (f *folders) add(p *watchedPlace, as watchedPlace) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.places == nil {
		f.places = make(map[*watchedPlace]struct{})
	}
	*p = as
	f.places[p] = struct{}{}
}

func (f *folders) remove(p *watchedPlace) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.places, p)
	f.drop(p.watch)
	p.watch = 0
}

// renew makes sure, before a look, that it is the folder there is now that is watched: it
// may not have been there, or not the same. All places in a folder share one watch.
func (f *folders) renew(p *watchedPlace) {
	inotify, folder := f.wanted(p)
	if inotify == nil {
		return
	}
	const events = contentEvents | unix.IN_CREATE | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR
	watch, err := f.addWatch(inotify, folder, events)
	if err != nil {
		watch = 0 // it is left to looks
	}
	f.attach(p, inotify, watch)
}

// wanted returns what is to be watched for a place, and by what; nil for nothing.
func (f *folders) wanted(p *watchedPlace) (inotify *os.File, folder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, watched := f.places[p]; !watched {
		return nil, ""
	}
	return f.inotify, filepath.Dir(p.path)
}

// attach notes the watch of a place, unless it is of no use any more. Should another place
// have ended it just now, the next look begins a new one.
func (f *folders) attach(p *watchedPlace, by *os.File, watch int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if by != f.inotify {
		return
	}
	before := watch
	if _, watched := f.places[p]; watched {
		before, p.watch = p.watch, watch
	}
	if before != p.watch {
		f.drop(before)
	}
}

// addWatch has inotify watch a folder.
func addWatch(inotify *os.File, folder string, events uint32) (watch int32, err error) {
	conn, err := inotify.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := conn.Control(func(fd uintptr) {
		var got int
		got, err = unix.InotifyAddWatch(int(fd), folder, events)
		watch = int32(got)
	})
	return watch, errors.Join(err, controlErr)
}

// drop ends a watch that no place needs.
func (f *folders) drop(watch int32) {
	for p := range f.places {
		if p.watch == watch {
			return
		}
	}
	if f.inotify == nil || watch == 0 {
		return
	}
	if conn, err := f.inotify.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(watch)) })
	}
}

// Run watches until ctx ends. Without inotify files are looked at by interval.
func (f *folders) Run(ctx context.Context, log *slog.Logger) {
	err := f.hear(ctx)
	if ctx.Err() == nil {
		log.Warn("changes of files are not noticed at once", "error", err)
	}
}

func (f *folders) hear(ctx context.Context) error {
	inotify, err := f.open()
	if err != nil {
		return err
	}
	defer f.close()
	defer onEnd(ctx, inotify)()
	b := make([]byte, 64<<10)
	for {
		n, err := inotify.Read(b)
		if err != nil {
			return fmt.Errorf("read inotify events: %w", err)
		}
		f.tell(parseInotify(b[:n]))
	}
}

func (f *folders) open() (*os.File, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open inotify: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inotify = os.NewFile(uintptr(fd), "inotify")
	for p := range f.places {
		p.bell.ring() // nobody knows what was missed; the look that follows begins to watch
	}
	return f.inotify, nil
}

func (f *folders) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.inotify.Close()
	f.inotify = nil
	for p := range f.places {
		p.watch = 0
	}
}

// tell tells those whom the events concern.
func (f *folders) tell(events []inotifyEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.places {
		if slices.ContainsFunc(events, func(e inotifyEvent) bool { return e.concerns(p) }) {
			p.bell.ring()
		}
	}
}
