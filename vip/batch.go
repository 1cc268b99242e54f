package vip

import "time"

const (
	// batchMost is how many addresses are added, removed or refreshed at once at most.
	batchMost = 32
	// batchTime is what one batch is to take, its announcements included: the first
	// address of it is announced when the last is there, and a release waits for it.
	batchTime = 400 * time.Microsecond
)

// batchSize is how many go into the next batch. What the kernel takes for one address
// grows with those that there are, from some µs to some ms, and differs by what is done and
// by family: so a size is found by beginning with one, which is the zero value, and at most
// doubled each time. It is pure.
type batchSize int

// Most is how many may go together.
func (s batchSize) Most() int { return max(1, int(s)) }

// Took notes what a batch of n has taken.
func (s *batchSize) Took(n int, took time.Duration) {
	fits := time.Duration(batchMost)
	if took > 0 {
		fits = min(fits, batchTime*time.Duration(n)/took)
	}
	*s = batchSize(min(int(fits), max(2*n, int(*s))))
}

// kind is what actions have in common that may be carried out together.
type kind struct {
	op   op
	is4  bool
	what Kind
}

func (a action) kind() kind { return kind{a.op, a.address.is4(), a.address.kind} }

// batching finds batches in a list of actions.
type batching struct {
	size batchSize
	kind kind // of the last batch
}

// Of returns how many of the first actions are carried out together.
func (b *batching) Of(actions []action) int {
	k := actions[0].kind()
	if k.op != opAdd && k.op != opRemove {
		return 1
	}
	if k != b.kind {
		*b = batching{kind: k}
	}
	n := 1
	for most := min(b.size.Most(), len(actions)); n < most && actions[n].kind() == k; {
		n++
	}
	return n
}
