package checker

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// dnsCheck asks a name server one question, by default for the SOA of the root, to which
// any answer without an error code is well.
type dnsCheck struct {
	packets *net.Dialer // nil to use the stream alone
	address string
	stream  *stream
	query   dnsQuery
	wanted  dnsWanted
}

const (
	dnsPort    = "53"
	dnsTLSPort = "853"
)

func newDNS(h *Host, s Spec) (Checker, error) {
	port := dnsPort
	if s.TLS.Enabled {
		port = dnsTLSPort
	}
	stream, err := newStream(h, s, port)
	if err != nil {
		return nil, err
	}
	query, err := newDNSQuery(s.DNS)
	if err != nil {
		return nil, err
	}
	wanted, err := newDNSWanted(s.DNS, query.question.Type)
	if err != nil {
		return nil, err
	}
	made := &dnsCheck{address: stream.address, stream: stream, query: query, wanted: wanted}
	if !s.DNS.TCP && !s.TLS.Enabled {
		made.packets = packetDialer(s.Network)
	}
	return made, nil
}

// Check implements Checker.
func (c *dnsCheck) Check(ctx context.Context) (Finding, error) {
	patience := patience(ctx)
	if c.packets != nil {
		err := c.overUDP(ctx, patience)
		if !errors.Is(err, errTruncated) {
			return Finding{}, explainWithin(err, patience)
		}
	}
	warning, err := c.stream.visit(ctx, c.overTCP)
	err = explainWithin(err, patience)
	if err != nil && c.packets != nil {
		err = because("the answer does not fit UDP, and over TCP: %s", err)
	}
	return Finding{Warning: warning}, err
}

// maxUDPAnswer is how much of an answer over UDP is read, in bytes: the query does not
// allow for more than 512.
const maxUDPAnswer = 4096

func (c *dnsCheck) overUDP(ctx context.Context, patience time.Duration) error {
	conn, err := c.packets.DialContext(ctx, "udp", c.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	ask := c.query.withNewID()
	if _, err := conn.Write(ask.packed); err != nil {
		return err
	}
	message, err := awaitPacket(conn, ask, patience)
	if err != nil {
		return err
	}
	return c.wanted.judge(ask.question.Type, message)
}

// awaitPacket reads until a message answers the query. Others may be late, or forged.
func awaitPacket(conn net.Conn, ask dnsQuery, patience time.Duration) ([]byte, error) {
	message := make([]byte, maxUDPAnswer)
	for ignored := 0; ; ignored++ {
		n, err := conn.Read(message)
		switch {
		case err != nil && ignored > 0:
			return nil, because("%s, after %d messages that answer another question", explainWithin(err, patience), ignored)
		case err != nil:
			return nil, err
		case ask.isAnsweredBy(message[:n]):
			return message[:n], nil
		}
	}
}

func (c *dnsCheck) overTCP(conn net.Conn) error {
	ask := c.query.withNewID()
	framed := append([]byte{byte(len(ask.packed) >> 8), byte(len(ask.packed))}, ask.packed...)
	if _, err := conn.Write(framed); err != nil {
		return err
	}
	message, err := readFramed(conn)
	switch {
	case err != nil:
		return err
	case !ask.isAnsweredBy(message):
		// Nobody can forge it here.
		return because("the answer is to another question")
	}
	return c.wanted.judge(ask.question.Type, message)
}

// readFramed reads a message of DNS over TCP, which begins with its length.
func readFramed(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, int(size[0])<<8|int(size[1]))
	_, err := io.ReadFull(r, message)
	return message, err
}
