package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fleet dials the pipe listeners of named nodes and counts what it dialled.
type fleet struct {
	mu    sync.Mutex
	nodes map[string]*pipeListener
	dials []string
}

func (f *fleet) dial(ctx context.Context, node string) (net.Conn, error) {
	f.mu.Lock()
	f.dials = append(f.dials, node)
	ln := f.nodes[node]
	f.mu.Unlock()
	if ln == nil {
		return nil, errors.New("connection refused")
	}
	return ln.dial(ctx)
}

func TestPeerClientKeepsOneConnectionPerNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{nodes: map[string]*pipeListener{}}
		// No host name can be LB-2 ä/:@ as it stands.
		for _, node := range []string{"lb1", "LB-2 ä/:@"} {
			ln, stop := servePipe(t, PeerHandler(&fakeBackend{report: NodeReport{Node: node}}))
			f.nodes[node] = ln
			defer stop()
		}
		c := NewPeerClient(f.dial)
		defer c.CloseIdleConnections()
		for range 3 {
			for node := range f.nodes {
				if err := c.TellHealth(t.Context(), node, HealthReport{Node: "lb2"}); err != nil {
					t.Error(err)
				}
				if n, err := c.Report(t.Context(), node); err != nil || n.Node != node {
					t.Errorf("Report(%q) = %+v, %v", node, n, err)
				}
			}
		}
		if slices.Sort(f.dials); !slices.Equal(f.dials, []string{"LB-2 ä/:@", "lb1"}) {
			t.Errorf("dialled %q, want each node once", f.dials)
		}
	})
}

// A peer that restarts leaves a dead connection behind: no report may fail for
// that, and no move may be sent on it.
func TestPeerClientAfterAPeersRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, stopFirst := servePipe(t, PeerHandler(&fakeBackend{}))
		f := &fleet{nodes: map[string]*pipeListener{"lb1": first}}
		c := NewPeerClient(f.dial)
		defer c.CloseIdleConnections()
		if _, err := c.Report(t.Context(), "lb1"); err != nil {
			t.Fatal(err)
		}
		if err := stopFirst(); err != nil {
			t.Fatal(err)
		}
		backend := &fakeBackend{transfer: TransferResult{To: "lb2"}}
		second, stopSecond := servePipe(t, PeerHandler(backend))
		defer stopSecond()
		f.nodes["lb1"] = second
		if _, err := c.Transfer(t.Context(), "lb1", ""); err != nil {
			t.Errorf("Transfer: %v", err)
		}
		if err := c.SetDrain(t.Context(), "lb1", "lb3", Drained); err != nil {
			t.Errorf("SetDrain: %v", err)
		}
		if _, err := c.Report(t.Context(), "lb1"); err != nil {
			t.Errorf("Report: %v", err)
		}
		if len(f.dials) != 4 {
			t.Errorf("dialled %d times, want once for each move and twice for the reports", len(f.dials))
		}
		want := []string{"transfer ", "drained lb3", "report"}
		if calls := backend.calls(); !slices.Equal(calls, want) {
			t.Errorf("the peer was asked for %q, want %q", calls, want)
		}
	})
}

func TestPeerClientErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusing, stopRefusing := servePipe(t, PeerHandler(&fakeBackend{err: NotNow(errors.New("lb1 is not the leader\nthe leader is lb2"))}))
		defer stopRefusing()
		frozen, stopFrozen := servePipe(t, PeerHandler(&fakeBackend{hang: func(ctx context.Context) { <-ctx.Done() }}))
		defer stopFrozen()
		foreign, stopForeign := servePipe(t, http.NotFoundHandler())
		defer stopForeign()
		huge, stopHuge := servePipe(t, PeerHandler(&fakeBackend{report: NodeReport{Leader: strings.Repeat("x", maxPeerAnswer)}}))
		defer stopHuge()
		dying := newPipeListener()
		go func() {
			for range 2 { // the second time when the client tries again
				conn, err := dying.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 1024))
				_ = conn.Close()
			}
		}()
		f := &fleet{nodes: map[string]*pipeListener{
			"refusing": refusing, "frozen": frozen, "foreign": foreign, "huge": huge,
			"deaf":  newPipeListener(), // accepts nothing
			"dying": dying,
		}}
		c := NewPeerClient(f.dial)
		defer c.CloseIdleConnections()
		tests := []struct {
			node, want string
			is         error
		}{
			{"refusing", "lb1 is not the leader\nthe leader is lb2", ErrNotNow},
			{"frozen", "node frozen does not answer in time", context.DeadlineExceeded},
			{"deaf", "node deaf does not answer in time", ErrNotNow},
			{"dying", "node dying went away before it answered", ErrNotNow},
			{"foreign", "answered 404 Not Found", ErrInvalid},
			{"huge", "node huge: answer is over 4194304 bytes", nil},
			{"dead", "node dead: connection refused", nil},
		}
		for _, tt := range tests {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := c.Report(ctx, tt.node)
			cancel()
			if err == nil || err.Error() != tt.want || (tt.is != nil && !errors.Is(err, tt.is)) {
				t.Errorf("Report(%s) = %q, want %q", tt.node, err, tt.want)
			}
		}
		_ = dying.Close()
		time.Sleep(dialTimeout) // the dial of the deaf node goes on until then
	})
}

// Dials to a node that does not answer must not pile up behind requests that
// have given up.
func TestPeerClientBoundsItsDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{nodes: map[string]*pipeListener{"deaf": newPipeListener()}}
		c := NewPeerClient(f.dial)
		for range 50 { // within dialTimeout
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			_, _ = c.Report(ctx, "deaf")
			cancel()
		}
		f.mu.Lock()
		if len(f.dials) > 4 {
			t.Errorf("%d dials are under way", len(f.dials))
		}
		f.mu.Unlock()
		time.Sleep(2 * dialTimeout)
	})
}
