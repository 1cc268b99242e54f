package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// outage is a target that is not there until a moment.
type outage struct {
	until time.Time
	told  []Event
}

func (a *outage) Tell(_ context.Context, e Event) error {
	if time.Now().Before(a.until) {
		return ErrLater
	}
	a.told = append(a.told, e)
	return nil
}

// waiting is how much is kept for all targets.
func (n *Notifier) waiting() (orders int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.lanes {
		orders += l.orders.Len()
	}
	return orders
}

// While routers flap and nobody is there to be told, no more is kept than the newest of each;
// then each is told once, as it is by then and in the order in which that came to be.
func TestFlapsWhileATargetIsAway(t *testing.T) {
	const routers, away = 200, 3 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		a := &outage{until: time.Now().Add(away)}
		s.Set([]Entry{{Key: "away", Name: "away", Lane: "away", On: []Kind{Master, Backup}, Target: a}})
		var last []string
		for second := range int(away / time.Second) {
			kind := []Kind{Master, Backup}[second%2]
			last = last[:0]
			for i := range routers {
				r := Subject{About: gw.About, Name: fmt.Sprintf("VI_%03d", (i+second)%routers)}
				s.Tell(of(kind, r))
				last = append(last, of(kind, r).String())
			}
			synctest.Wait()
			if n := s.waiting(); n > routers {
				t.Fatalf("%d orders wait after %d s", n, second)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(longestPause)
		synctest.Wait()
		var told []string
		for _, e := range a.told {
			told = append(told, e.String())
		}
		if !slices.Equal(told, last) {
			t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(last, "\n"))
		}
		if n := s.waiting(); n > 0 || len(s.lanes) > 0 {
			t.Errorf("%d orders wait, in %d lanes", n, len(s.lanes))
		}
	})
}
