package fence

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOneFenceInANetworkNamespace(t *testing.T) {
	first, err := sole()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Lifetime, slog.New(slog.DiscardHandler)); !errors.Is(err, errTaken) {
		t.Errorf("a second one: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := New(Lifetime, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestListener is a process that has a name of perch. By itself it is not a test.
func TestListener(t *testing.T) {
	name := os.Getenv(childEnv)
	if name == "" {
		return
	}
	l, err := net.Listen("unix", name)
	must(t, err)
	defer l.Close()
	fmt.Println("open")
	time.Sleep(time.Minute)
}

// Anybody may have such a name, but only who could fence keeps another from it.
func TestSquatter(t *testing.T) {
	w := newWire(t)
	nobody := func(name string, capabilities ...uintptr) {
		t.Helper()
		child := owner(unix.CAP_NET_ADMIN)
		child.Args[1] = "-test.run=^TestListener$"
		child.Env = append(os.Environ(), childEnv+"="+name)
		child.SysProcAttr.AmbientCaps = capabilities
		w.start(child)
		t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })
	}
	nobody(solePrefix)
	nobody(solePrefix + "-squatter")
	f, err := New(Off, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, f.Close())
	nobody(solePrefix+"-service", unix.CAP_NET_ADMIN)
	if _, err := New(Off, slog.New(slog.DiscardHandler)); !errors.Is(err, errTaken) {
		t.Errorf("beside a service: %v", err)
	}
}

// However often a second one tries, it is refused.
func TestTakenForLong(t *testing.T) {
	newWire(t)
	first, err := sole()
	must(t, err)
	defer first.Close()
	for range 5000 { // more than a listener has room for
		if _, err := sole(); !errors.Is(err, errTaken) {
			t.Fatalf("a second one: %v", err)
		}
	}
}

// All that come at once see each other; at most one stays.
func TestSoleAtOnce(t *testing.T) {
	for range 20 {
		results := make(chan error, 8)
		locks := make(chan *net.UnixListener, 8)
		for range cap(results) {
			go func() {
				l, err := sole()
				if l != nil {
					locks <- l
				}
				results <- err
			}()
		}
		for range cap(results) {
			if err := <-results; err != nil && !errors.Is(err, errTaken) {
				t.Error(err)
			}
		}
		if len(locks) > 1 {
			t.Errorf("%d at once", len(locks))
		}
		for len(locks) > 0 {
			must(t, (<-locks).Close())
		}
	}
}
