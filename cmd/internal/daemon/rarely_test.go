package daemon

import (
	"testing"
)

// Who looks rarely is woken by what is news, and waits for nobody.
func TestTheLookoutIsWoken(t *testing.T) {
	d := &daemon{looking: make(chan struct{}, 1)}
	for what, happens := range map[string]func(){"checks": d.heed, "the fence": d.wake} {
		happens()
		happens()
		select {
		case <-d.looking:
		default:
			t.Errorf("%s: it is not woken", what)
		}
	}
}

// What could not be wanted is wanted again soon.
func TestRoutersThatAreRefusedLookAgain(t *testing.T) {
	r := &routers{}
	if d := r.lookAgain(); d != lookAllEvery {
		t.Errorf("after %s", d)
	}
	r.refused = true
	if d := r.lookAgain(); d != idle {
		t.Errorf("refused, after %s", d)
	}
}
