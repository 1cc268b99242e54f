package checker

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// mayBecomeAnother tells whether this process has the capabilities to start programs as any
// user.
func mayBecomeAnother() bool {
	_, sets, err := capabilities()
	const wanted = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	return err == nil && sets[0].Effective&wanted == wanted
}

// capabilities returns those of the calling thread, 32 in each of the two.
func capabilities() (header unix.CapUserHeader, sets [2]unix.CapUserData, err error) {
	header.Version = unix.LINUX_CAPABILITY_VERSION_3
	err = unix.Capget(&header, &sets[0])
	return header, sets, err
}

// whileStarting has f start a program. Where no root is involved the kernel would let it
// keep the ambient capabilities of the daemon, which a script is not to have.
func whileStarting(f func() error) error {
	if os.Geteuid() == 0 {
		return f()
	}
	return onOwnThread(func() error {
		if err := shedInheritable(); err != nil {
			return err
		}
		return f()
	})
}

// whileKilling has f look into and kill what runs as the account, which takes its user and
// group. Only the effective ones change: otherwise that user could kill the daemon meanwhile.
func (a *account) whileKilling(f func()) {
	if !a.isForeign() {
		f()
		return
	}
	_ = onOwnThread(func() error {
		const same = ^uintptr(0)
		// Not by package syscall, which would change all threads.
		_, _, _ = unix.RawSyscall(unix.SYS_SETRESGID, same, uintptr(a.gid), same)
		_, _, _ = unix.RawSyscall(unix.SYS_SETRESUID, same, uintptr(a.id), same)
		f()
		return nil
	})
}

// onOwnThread runs f on a thread that ends with it, and so does what f makes of its
// credentials.
func onOwnThread(f func() error) error {
	ended := make(chan error)
	go func() {
		runtime.LockOSThread()
		ended <- f()
	}()
	return <-ended
}

// shedInheritable takes from the calling thread what programs could inherit, the ambient
// capabilities too.
func shedInheritable() error {
	header, sets, err := capabilities()
	if err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("give up inheritable capabilities: %w", err)
	}
	return nil
}
