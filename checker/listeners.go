package checker

import (
	"context"
	"sync"
)

// listeners are those that want to hear of some of the changes that one source tells of.
type listeners[T any] struct {
	mu  sync.Mutex
	all map[*listener[T]]struct{}
}

type listener[T any] struct {
	concerns func(T) bool
	news     bell
}

// Listen calls changed after each change that concerns it, until ctx ends.
func (l *listeners[T]) Listen(ctx context.Context, concerns func(T) bool, changed func()) {
	one := &listener[T]{concerns, newBell()}
	l.add(one)
	defer l.remove(one)
	one.news.answer(ctx, changed)
}

func (l *listeners[T]) add(one *listener[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = make(map[*listener[T]]struct{})
	}
	l.all[one] = struct{}{}
}

func (l *listeners[T]) remove(one *listener[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, one)
}

// Tell tells those whom a change concerns.
func (l *listeners[T]) Tell(change T) {
	l.tell(func(one *listener[T]) bool { return one.concerns(change) })
}

// TellAll tells all, as when changes may have been missed.
func (l *listeners[T]) TellAll() { l.tell(func(*listener[T]) bool { return true }) }

func (l *listeners[T]) tell(which func(*listener[T]) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for one := range l.all {
		if which(one) {
			one.news.ring()
		}
	}
}
