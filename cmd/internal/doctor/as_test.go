package doctor

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// as does something as another user, without capabilities, on a thread of its own.
func as(t *testing.T, uid int, do func()) {
	t.Helper()
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		_, _, failed := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid))
		if failed != 0 {
			err = failed
			return
		}
		do()
	}()
	<-done
	must(t, err)
}
