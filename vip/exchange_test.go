package vip

import (
	"encoding/binary"
	"errors"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// replies is a transport that answers as a test has it.
type replies struct {
	transport
	answers [][]byte
	refuses error
}

func (r *replies) Deliver([]byte) error { return r.refuses }

func (r *replies) Answers(into [][]byte) (int, error) {
	if len(r.answers) == 0 {
		return 0, unix.EAGAIN
	}
	into[0] = append(into[0][:0], r.answers[0]...)
	r.answers = r.answers[1:]
	return 1, nil
}

func ack(number uint32, err error) []byte {
	return appendAck(nil, syscall.NlMsghdr{Seq: number}, err)
}

// TestExchange: an answer is that of the request whose number it has.
func TestExchange(t *testing.T) {
	list := []address{{prefix: many(1)[0].Address}, {prefix: many(2)[1].Address}, {prefix: many(3)[2].Address}}
	other := ack(4, nil)
	other[4] = unix.NLMSG_NOOP
	for name, c := range map[string]struct {
		answers [][]byte
		refuses error
		want    []error
	}{
		"in order":          {[][]byte{ack(4, nil), ack(5, unix.EPERM), ack(6, nil)}, nil, []error{nil, unix.EPERM, nil}},
		"in another order":  {[][]byte{ack(6, unix.EPERM), ack(4, nil), ack(5, nil)}, nil, []error{nil, nil, unix.EPERM}},
		"of an earlier one": {[][]byte{ack(3, unix.EPERM), ack(4, nil), ack(5, nil), ack(6, nil)}, nil, []error{nil, nil, nil}},
		"of a later one":    {[][]byte{ack(7, unix.EPERM), ack(4, nil), ack(5, nil), ack(6, nil)}, nil, []error{nil, nil, nil}},
		"twice":             {[][]byte{ack(4, nil), ack(4, unix.EPERM), ack(5, nil), ack(6, nil)}, nil, []error{nil, nil, nil}},
		"no answers":        {[][]byte{{}, other, ack(4, nil), ack(5, nil), ack(6, nil)}, nil, []error{nil, nil, nil}},
		"too few":           {[][]byte{ack(5, nil)}, nil, []error{errUnanswered, nil, errUnanswered}},
		"not delivered":     {nil, unix.ENOBUFS, []error{unix.ENOBUFS, unix.ENOBUFS, unix.ENOBUFS}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newExchange()
			x.last = 3
			got := x.With(&replies{answers: c.answers, refuses: c.refuses}, unix.RTM_NEWADDR, 0, list)
			if !slices.EqualFunc(got, c.want, func(got, want error) bool { return errors.Is(got, want) }) {
				t.Errorf("errors are %v, want %v", got, c.want)
			}
		})
	}
}

// TestUnanswered: what the kernel has not answered is not held.
func TestUnanswered(t *testing.T) {
	all := many(3)
	m, k := fakeWith(t, Options{}, all)
	k.silent = true
	if err := m.Set(all); !errors.Is(err, errUnanswered) {
		t.Errorf("Set: %v, want %v", err, errUnanswered)
	}
	if got := m.Held(all); got != 0 {
		t.Errorf("%d are held, want none", got)
	}
}

// TestHotPathExchange: nor does what becomes of the answers.
func TestHotPathExchange(t *testing.T) {
	list := []address{{index: 2, prefix: many(1)[0].Address, valid: 2, preferred: 2}, {index: 2, prefix: vips("2001:db8::1/64")[0].Address, valid: 2}}
	x, r := newExchange(), &echo{}
	if allocs := testing.AllocsPerRun(100, func() { x.With(r, unix.RTM_NEWADDR, 0, list) }); allocs != 0 {
		t.Errorf("an exchange allocates %v times", allocs)
	}
}

// TestHotPathAdding: neither do the bookkeeping and the announcements of an address
// that was held before.
func TestHotPathAdding(t *testing.T) {
	all := many(batchMost)
	m, _ := holding(t, Options{Lifetime: 20 * time.Second}, all)
	taker := &echo{}
	m.kernel.transport, m.announcer.transport = taker, taker
	plan := m.remembered()
	actions := survey(view{links: plan.links}, intent{configured: all, want: all, wanted: m.wanted}).plan(nil)
	x := execution{}
	for range 10 { // until all memory is there that is used again
		m.carryOut(slices.Clone(actions), &x)
	}
	batch := slices.Clone(actions)
	taker.sent = 0
	allocs := testing.AllocsPerRun(100, func() { m.carryOut(batch, &x) })
	if allocs != 0 || taker.sent != 101*2*batchMost {
		t.Errorf("%d addresses are added with %v allocations, and %d packets of 101 rounds", len(batch), allocs, taker.sent)
	}
}

// echo is a transport that takes whatever comes.
type echo struct {
	transport
	numbers []uint32
	sent    int
}

func (e *echo) Deliver(b []byte) error {
	for len(b) > 0 {
		e.numbers = append(e.numbers, binary.NativeEndian.Uint32(b[8:]))
		b = b[binary.NativeEndian.Uint32(b):]
	}
	return nil
}

func (e *echo) Answers(into [][]byte) (int, error) {
	n := min(len(e.numbers), len(into))
	for i := range n {
		into[i] = into[i][:ackSize]
		clear(into[i])
		binary.NativeEndian.PutUint16(into[i][4:], unix.NLMSG_ERROR)
		binary.NativeEndian.PutUint32(into[i][8:], e.numbers[i])
	}
	e.numbers = e.numbers[:0]
	return n, nil
}

func (e *echo) Send(packets []packet) (int, error) {
	e.sent += len(packets)
	return len(packets), nil
}
