package notify

import (
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Who accepts and speaks no TLS, or does not even accept, keeps nothing of perch beyond the time
// that one request has: neither a connection nor a goroutine.
func TestWebhookLeavesNothingBehind(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			closed <- err
			return
		}
		defer conn.Close()
		for buffer := make([]byte, 4096); err == nil; {
			_, err = conn.Read(buffer)
		}
		closed <- nil
	}()
	defer listener.Close()
	before := goleak.IgnoreCurrent()
	w := webhookTo(t, "https://"+listener.Addr().String())
	w.Timeout = 200 * time.Millisecond
	if err := w.Tell(t.Context(), ownerEvent()); !errors.Is(err, ErrLater) {
		t.Fatal(err)
	}
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the connection is open still")
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
