package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

var errClosed = errors.New("the lab is closed")

// namespace is an anonymous network namespace and the one thread in it.
type namespace struct {
	calls chan func()
	stop  chan struct{}
	done  chan struct{}

	using sync.RWMutex // held for reading while fd or nl are used
	fd    netns.NsHandle
	nl    *netlink.Handle

	ownMounts bool // used on the thread alone
}

func newNamespace() (*namespace, error) {
	ns := &namespace{
		calls: make(chan func()),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	entered := make(chan error, 1)
	onOwnThread(func() {
		defer close(ns.done)
		err := ns.enter()
		entered <- err
		if err == nil {
			ns.serve()
		}
	})
	if err := <-entered; err != nil {
		<-ns.done
		return nil, err
	}
	return ns, nil
}

// enter moves the thread into a new namespace.
func (ns *namespace) enter() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return missing("a network namespace", err)
	}
	fd, err := netns.Get()
	if err != nil {
		return fmt.Errorf("open the new namespace: %w", err)
	}
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return errors.Join(fmt.Errorf("open a netlink socket in the new namespace: %w", err), fd.Close())
	}
	if err := loopbackUp(nl); err != nil {
		nl.Close()
		return errors.Join(err, fd.Close())
	}
	ns.fd, ns.nl = fd, nl
	return nil
}

func loopbackUp(nl *netlink.Handle) error {
	lo, err := nl.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback of the new namespace: %w", err)
	}
	if err := nl.LinkSetUp(lo); err != nil {
		return missing("an interface", fmt.Errorf("set lo up: %w", err))
	}
	return nil
}

func (ns *namespace) serve() {
	for {
		select {
		case call := <-ns.calls:
			call()
		case <-ns.stop:
			return
		}
	}
}

// do runs fn on the thread of the namespace and returns its error.
func (ns *namespace) do(fn func() error) error {
	result := make(chan error, 1)
	select {
	case ns.calls <- func() { result <- fn() }:
		return <-result
	case <-ns.done:
		return errClosed
	}
}

// use calls fn with the handle on the namespace, and keeps both open until it
// returns. A handle that was closed would act on the namespace of its caller, which
// is the machine's own.
func (ns *namespace) use(fn func(*netlink.Handle) error) error {
	ns.using.RLock()
	defer ns.using.RUnlock()
	select {
	case <-ns.done:
		return errClosed
	default:
		return fn(ns.nl)
	}
}

// close ends the thread, and with it every process that was started from it.
// The kernel removes the namespace and its interfaces once nothing holds it.
func (ns *namespace) close() error {
	close(ns.stop)
	<-ns.done
	ns.using.Lock()
	defer ns.using.Unlock()
	ns.nl.Close()
	if err := ns.fd.Close(); err != nil {
		return fmt.Errorf("close the namespace: %w", err)
	}
	return nil
}

// emptyLimit is how long what is killed in a namespace is waited for.
const emptyLimit = time.Second

// empty kills what is in the namespace although what started it is gone: the scripts of a daemon
// that was killed have groups of their own.
func (ns *namespace) empty() {
	var home unix.Stat_t
	if unix.Fstat(int(ns.fd), &home) != nil {
		return
	}
	for began := time.Now(); killIn(home) && time.Since(began) < emptyLimit; {
		time.Sleep(time.Millisecond)
	}
}

// killIn kills the processes in a network namespace, and tells whether there were any.
func killIn(home unix.Stat_t) (found bool) {
	processes, _ := filepath.Glob("/proc/[0-9]*") // it errs on a bad pattern alone
	for _, dir := range processes {
		isHere := func() bool {
			var at unix.Stat_t
			return unix.Stat(dir+"/ns/net", &at) == nil && at.Dev == home.Dev && at.Ino == home.Ino
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() || !isHere() {
			continue
		}
		pidfd, err := unix.PidfdOpen(pid, 0) // so that no other is killed
		if err != nil {
			continue
		}
		if isHere() {
			found = true
			_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0) // it may have ended
		}
		_ = unix.Close(pidfd)
	}
	return found
}

// unshareMounts gives the thread mounts of its own, which nobody else sees.
func (ns *namespace) unshareMounts() error {
	if ns.ownMounts {
		return nil
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return missing("a mount namespace", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("make the mounts private", err)
	}
	ns.ownMounts = true
	return nil
}

// onOwnThread runs fn on an OS thread that runs nothing else and ends with fn.
// It is never the main thread: that one cannot end, and /proc/PID shows its
// namespaces as those of the whole process.
func onOwnThread(fn func()) {
	go func() {
		runtime.LockOSThread() // and never unlock: the thread is to end
		if unix.Gettid() != unix.Getpid() {
			fn()
			return
		}
		elsewhere := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(elsewhere)
			fn()
		}()
		<-elsewhere
		runtime.UnlockOSThread()
	}()
}
