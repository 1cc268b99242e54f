package checker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// udpCheck sends a datagram. An ICMP error that comes back is a failure at once.
//
// If no answer has to come, silence is well, but only after half of the look's timeout, for
// it takes a moment to learn that nobody is there: of a port that is closed about a round
// trip, of a neighbor that is dead the three seconds after which the kernel gives up. An
// answer ends the look at once all the same.
type udpCheck struct {
	dialer  *net.Dialer
	address string
	udp     UDP
}

// icmpWait is for how long silence must last to be well, if a look has no timeout.
const icmpWait = time.Second

func newUDP(_ *Host, s Spec) (Checker, error) {
	if err := s.UDP.Expect.valid(); err != nil {
		return nil, err
	}
	if len(s.UDP.Send) > maxDatagram {
		return nil, errors.New("send: must have at most 65507 bytes")
	}
	if most := s.UDP.MaxAnswer; most != nil && (*most < len(s.UDP.Expect.Bytes) || *most > maxDatagram) {
		return nil, fmt.Errorf("max_answer %d: must be %d-%d", *most, len(s.UDP.Expect.Bytes), maxDatagram)
	}
	_, address, err := endpoint(s, "")
	if err != nil {
		return nil, err
	}
	return &udpCheck{dialer: packetDialer(s.Network), address: address, udp: s.UDP}, nil
}

// maxDatagram is how much UDP can send at once, in bytes.
const maxDatagram = 65507

// Check implements Checker.
func (c *udpCheck) Check(ctx context.Context) (Finding, error) {
	patience := patience(ctx)
	return Finding{}, explainWithin(c.look(ctx, patience), patience)
}

func (c *udpCheck) look(ctx context.Context, patience time.Duration) error {
	conn, err := c.dialer.DialContext(ctx, "udp", c.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if !c.mustAnswer() {
		conn.SetReadDeadline(time.Now().Add(silence(patience)))
	}
	if _, err := conn.Write(c.udp.Send); err != nil {
		return err
	}
	return c.listen(ctx, conn)
}

func (c *udpCheck) mustAnswer() bool { return c.udp.Answer || !c.udp.Expect.none() }

// silence returns how long nothing must come that nothing has to come of.
func silence(patience time.Duration) time.Duration {
	if patience <= 0 {
		return icmpWait
	}
	return patience / 2
}

// listen judges the first answer, or its absence.
func (c *udpCheck) listen(ctx context.Context, conn net.Conn) error {
	answer := make([]byte, c.room())
	n, err := conn.Read(answer)
	switch {
	case err != nil && isTimeout(err) && !c.mustAnswer():
		return ctx.Err()
	case err != nil:
		return err
	case c.udp.MaxAnswer != nil && n > *c.udp.MaxAnswer:
		return fmt.Errorf("answer of more than %d bytes", *c.udp.MaxAnswer)
	case c.udp.Expect.none() || c.udp.Expect.judge(answer[:n], 0) == matches:
		return nil
	}
	return c.udp.Expect.mismatch(answer[:n])
}

// room returns how much of an answer counts.
func (c *udpCheck) room() int {
	if c.udp.Expect.Contains != "" {
		return maxDatagram
	}
	room := max(512, len(c.udp.Expect.Bytes))
	if c.udp.MaxAnswer != nil {
		room = max(room, *c.udp.MaxAnswer+1)
	}
	return room
}
