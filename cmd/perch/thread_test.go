package main

import (
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMainThreadIsMainsAlone(t *testing.T) {
	const many = 50 // threads at once: whichever is free is taken
	var got, all sync.WaitGroup
	got.Add(many)
	for range many {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			got.Done()
			got.Wait()
			if unix.Gettid() == os.Getpid() {
				t.Error("another goroutine has the main thread")
			}
		})
	}
	all.Wait()
}
