package fence

import (
	"encoding/binary"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestEndsInTime asks for an answer all the time: none may come to what was asked
// after the end of the lease, or after the fence was shut.
func TestEndsInTime(t *testing.T) {
	for _, candidate := range strong {
		t.Run(string(candidate.kind), func(t *testing.T) {
			testEnd(t, candidate.kind, candidate.open)
		})
	}
}

func testEnd(t *testing.T, kind Kind, open func(*slog.Logger) (mechanism, error)) {
	n := newNetwork(t)
	n.wire("eth0", "peer0")
	n.address("eth0", "198.18.0.1/24")
	n.address("peer0", "198.18.0.2/24")
	f := startFence(t, kind, open)
	n.must(f.Protect([]netip.Prefix{netip.PrefixFrom(vip4, 32)}))
	n.must(f.Guard(n.index("eth0")))
	n.address("eth0", "198.18.0.100/24")
	q := &questions{network: n, to: n.mac("eth0"), from: n.mac("peer0")}
	for round := range 10 {
		until := boottime() + time.Duration(150+5*round)*time.Millisecond
		n.must(f.Open(f.Epoch(), until))
		end := until
		if round%2 == 1 {
			q.askUntil(boottime() + 50*time.Millisecond)
			n.must(f.Shut())
			end = boottime()
		}
		q.askUntil(until + 20*time.Millisecond)
		answers, last := q.answered()
		if answers == 0 {
			t.Errorf("round %d: no answer while the fence was open", round)
		}
		if last > end {
			t.Errorf("round %d: an answer to what was asked %v after the end", round, last-end)
		}
		t.Logf("round %d: %d answers, the last to what was asked %v before the end", round, answers, end-last)
	}
}

// questions are numbered echo requests and when each was sent.
type questions struct {
	*network
	to, from mac
	asked    []time.Duration
}

func (q *questions) askUntil(end time.Duration) {
	q.t.Helper()
	for boottime() < end {
		protocol, data := echo(vip4, uint16(len(q.asked)))
		q.asked = append(q.asked, boottime())
		q.send("peer0", ethernet(q.to, q.from, unix.ETH_P_IP, ipPacket(client4, vip4, protocol, data)))
		time.Sleep(200 * time.Microsecond)
	}
}

// answered counts the new answers, and tells when the newest question of them was asked.
func (q *questions) answered() (count int, last time.Duration) {
	q.t.Helper()
	for _, f := range q.arrived("peer0") {
		if f.icmpFrom(vip4, echoReply4, echoReply6) {
			count++
			last = max(last, q.asked[binary.BigEndian.Uint16(f.data[4:])])
		}
	}
	return count, last
}
