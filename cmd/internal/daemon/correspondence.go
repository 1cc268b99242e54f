package daemon

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// Limits of the correspondence.
const (
	overviewFresh = time.Second
	overviewLimit = 2 * time.Second        // for a peer's answer
	overviewWait  = 250 * time.Millisecond // of who looks, for all peers
)

// errOverviewBusy is said to peers while the kernel keeps this node waiting.
var errOverviewBusy = errors.New("this node is waiting for its kernel")

// letter is what a peer has said last.
type letter struct {
	answer                 // to what it says of itself as a node of the cluster
	overview *api.Overview // the last one; nil if there is none
	seen     time.Time     // when it came
	trouble  string        // why there is none, or no newer one
}

// correspondence asks the peers for what dashboards show, each one question at a time, and
// remembers what they said.
type correspondence struct {
	report   func(ctx context.Context, node string) (api.NodeReport, error)
	overview func(ctx context.Context, node string) (api.Overview, error)

	making chan struct{} // has room for who makes what follows, which it guards
	mine   api.Overview
	made   time.Time

	mu      sync.Mutex // guards what follows
	ctx     context.Context
	asks    sync.WaitGroup
	busy    map[string]chan struct{} // closed when the peer has answered
	letters map[string]letter
}

func (d *daemon) newCorrespondence() *correspondence {
	l := &correspondence{making: make(chan struct{}, 1), busy: map[string]chan struct{}{}, letters: map[string]letter{}}
	if m := d.member; m != nil {
		l.report, l.overview = m.peers.Report, m.peers.Overview
	}
	return l
}

// run lets peers be asked until ctx ends, and waits for who is being asked then.
func (l *correspondence) run(ctx context.Context) error {
	l.mu.Lock()
	l.ctx = ctx
	l.mu.Unlock()
	<-ctx.Done()
	l.mu.Lock()
	l.ctx = nil
	l.mu.Unlock()
	l.asks.Wait()
	return nil
}

// ask asks these peers, and returns what each has said last: those that are slow answer
// for the next time.
func (l *correspondence) ask(peers []string) map[string]letter {
	enough := time.After(overviewWait)
	for _, waits := range l.begin(peers) {
		select {
		case <-waits:
		case <-enough:
			return l.known(peers)
		}
	}
	return l.known(peers)
}

// begin asks those that are not being asked already.
func (l *correspondence) begin(peers []string) (waits []chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.letters {
		if !slices.Contains(peers, name) {
			delete(l.letters, name)
		}
	}
	for _, name := range peers {
		if l.ctx == nil {
			break
		}
		if l.busy[name] == nil {
			done, ctx := make(chan struct{}), l.ctx
			l.busy[name] = done
			l.asks.Go(func() { l.write(ctx, name, done) })
		}
		waits = append(waits, l.busy[name])
	}
	return waits
}

// known returns what is known of peers.
func (l *correspondence) known(peers []string) map[string]letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := make(map[string]letter, len(peers))
	for _, name := range peers {
		k, is := l.letters[name]
		if !is {
			k = letter{answer: answer{err: errors.New("node " + name + " has not answered yet")}, trouble: "has not answered yet"}
		}
		known[name] = k
	}
	return known
}

// write asks a peer and notes what it says.
func (l *correspondence) write(ctx context.Context, name string, done chan struct{}) {
	defer close(done)
	asking, end := context.WithTimeout(ctx, reportLimit)
	said := answerOf(asking, name, l.report)
	end()
	overview, wrong := api.Overview{}, said.err
	if wrong == nil {
		asking, end := context.WithTimeout(ctx, overviewLimit)
		overview, wrong = l.overview(asking, name)
		end()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, name)
	k := l.letters[name]
	k.answer = said
	if wrong == nil {
		k.overview, k.seen, k.trouble = &overview, time.Now(), ""
	} else {
		k.trouble = wrong.Error()
	}
	if errors.Is(wrong, api.ErrNoOverview) {
		k.overview = nil
		k.trouble += " (" + said.report.Version + ")"
	}
	l.letters[name] = k
}

// own returns this node's own overview, which is made anew when it is old. Who asks waits
// for who makes it.
func (l *correspondence) own(ctx context.Context, look func() api.Overview) (api.Overview, error) {
	select {
	case l.making <- struct{}{}:
		defer func() { <-l.making }()
	case <-ctx.Done():
		return api.Overview{}, api.NotNow(errOverviewBusy)
	}
	if l.made.IsZero() || time.Since(l.made) >= overviewFresh {
		l.mine, l.made = look(), time.Now()
	}
	return l.mine, nil
}

// Overview implements api.PeerBackend. It is made at most once a second, for all peers.
func (d peerSide) Overview(ctx context.Context) (api.Overview, error) {
	return d.correspondence.own(ctx, func() api.Overview {
		s := d.snapshotOfAll().alone()
		return api.OverviewOf(&s)
	})
}
