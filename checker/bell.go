package checker

import "context"

// bell holds one reason to look, however often it has been rung.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

// ring does not wait for an answer.
func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// answer calls changed whenever it was rung, until ctx ends.
func (b bell) answer(ctx context.Context, changed func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b:
			changed()
		}
	}
}
