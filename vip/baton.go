package vip

// baton is a lock that goes to whoever has waited longest: one who takes it again
// and again cannot keep another from it, as with sync.Mutex.
type baton chan struct{}

func newBaton() baton { return make(baton, 1) }

// Lock implements sync.Locker.
func (b baton) Lock() { b <- struct{}{} }

// Unlock implements sync.Locker.
func (b baton) Unlock() { <-b }
