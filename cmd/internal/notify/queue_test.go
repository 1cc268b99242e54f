package notify

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// naive is a queue that looks through all.
type naive []order

func (q *naive) outdate(e Event, room int) (void int) {
	changes := 0
	for _, o := range *q {
		if !o.again {
			changes++
		}
	}
	if changes < room {
		return 0
	}
	*q = slices.DeleteFunc(*q, func(o order) bool {
		same := o.event.topic() == e.topic()
		if same && !o.again {
			void++
		}
		return same
	})
	return void
}

func (q *naive) repeat(orders []order) {
	for _, o := range orders {
		*q = slices.DeleteFunc(*q, func(was order) bool {
			return was.again && was.entry.Key == o.entry.Key && was.event.topic() == o.event.topic()
		})
	}
	*q = append(*q, orders...)
}

// Whatever is done to a queue, it has the same in it, in the same order, as one that looks
// through all.
func TestQueueIsAsANaiveOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	entries := []*Entry{{Key: "a"}, {Key: "b"}}
	var q queue
	var want naive
	put := func(priority int) order {
		kinds := []Kind{Master, Backup, MasterPriority, ""}
		e := Event{Kind: kinds[random.IntN(len(kinds))], Subject: Subject{About: Router, Name: fmt.Sprint(random.IntN(5))}, Priority: priority}
		if e.Kind == "" {
			e.Subject = Subject{}
		}
		return order{entry: entries[random.IntN(2)], event: e}
	}
	for i := range 20000 {
		o := put(i)
		switch random.IntN(6) {
		case 0, 1:
			room := random.IntN(2) * 8
			if got, void := len(q.outdate(o.event, room)), want.outdate(o.event, room); got != void {
				t.Fatalf("%d are void, want %d", got, void)
			}
			q.add(o)
			want = append(want, o)
		case 2:
			o.again = true
			q.repeat([]order{o})
			want.repeat([]order{o})
		case 3:
			q.unprepare(o.entry)
			want = slices.DeleteFunc(want, func(was order) bool { return was.opens() && was.entry == o.entry })
		case 4:
			got, some := q.take()
			if some != (len(want) > 0) || some && (got.event.Priority != want[0].event.Priority) {
				t.Fatalf("took %v", got)
			}
			if some && random.IntN(2) == 0 {
				q.putBack(got)
			} else if some {
				want = want[1:]
			}
		}
		e := q.orders.Front()
		for at, o := range want {
			if got := e.Value.(order); got.event.Priority != o.event.Priority {
				t.Fatalf("%d: %v, want %v", at, got.event, o.event)
			}
			e = e.Next()
		}
		if e != nil || q.orders.Len() != len(want) {
			t.Fatalf("%d wait, want %d", q.orders.Len(), len(want))
		}
	}
}

// BenchmarkTell tells ten targets that hang of a server, while they have not heard of 10,000 others.
func BenchmarkTell(b *testing.B) {
	n := New(slog.New(slog.DiscardHandler))
	entries := make([]Entry, 10)
	for i := range entries {
		entries[i] = Entry{Key: fmt.Sprint(i), On: []Kind{ServerDown}, Lane: fmt.Sprint(i)}
	}
	n.Set(entries)
	tell := func(i int) {
		server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 80)
		n.Tell(Event{Kind: ServerDown, Subject: Subject{About: Server, Name: "web", Server: server}})
	}
	for i := range 10000 {
		tell(i)
	}
	for i := 0; b.Loop(); i++ {
		tell(i % 10000)
	}
}
