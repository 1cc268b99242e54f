package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// Nodes parley before one of them takes part in the group, and about the membership:
// one question and one answer a connection, on a protocol of its own.

// maxParley bounds a question or an answer, in bytes.
const maxParley = 64 << 10

// parleyLimit bounds how long a node may take to ask or, but for an admission, to
// answer.
const parleyLimit = 2 * time.Second

// question is what one node asks another. Without a wish it asks only who that is.
type question struct {
	Birth  string         `json:"birth"`               // of the asker's data directory
	Admit  *wish          `json:"admit,omitempty"`     // the leader is to make the asker a voter
	Remove string         `json:"remove,omitempty"`    // the leader is to remove this member
	Invite *invitation    `json:"invite,omitempty"`    // the asked node is to get a vote from the asker
	Linger *time.Duration `json:"linger_ns,omitempty"` // for how long the asker's addresses linger
}

// wish is for a node to be admitted.
type wish struct {
	Address string `json:"address"` // where it listens
	Joining bool   `json:"joining"` // its operator wants it, also if it is no member yet
}

// answer is what the asked node says.
type answer struct {
	Birth  string   `json:"birth"`  // of its data directory
	List   string   `json:"list"`   // the members that it would found the cluster with
	Listed []string `json:"listed"` // their names
	Member bool     `json:"member"` // it takes part in the group
	Late   bool     `json:"late"`   // it does not, and knows that there is one
	// Founders holds, on a node that founded the cluster, the births of all
	// data directories that were new then, by node.
	Founders map[string]string `json:"founders,omitempty"`
	Leader   string            `json:"leader,omitempty"`   // that it knows of
	Members  []Member          `json:"members,omitempty"`  // that it knows of, if it is one
	Standing standing          `json:"standing,omitempty"` // of the asker, if it leads
	Index    uint64            `json:"index,omitempty"`    // of the entry that made the asker a voter
	Error    string            `json:"error,omitempty"`
}

// maxLingering is for how long addresses may linger: nobody would hold them before.
const maxLingering = time.Hour

// check returns an error for what no node asks.
func (q question) check() error {
	if q.Linger != nil && (*q.Linger < 0 || *q.Linger > maxLingering) {
		return fmt.Errorf("%w: addresses linger for %s", errMalformed, *q.Linger)
	}
	return nil
}

// check returns an error for what no node answers. Each member is connected to.
func (a answer) check() error {
	if len(a.Members) > maxServers || len(a.Founders) > maxServers {
		return fmt.Errorf("%w: %d members, %d founders", errMalformed, len(a.Members), len(a.Founders))
	}
	return nil
}

// err returns the error that an answer tells of.
func (a answer) err() error {
	if a.Error == "" {
		return nil
	}
	for _, known := range []error{ErrNotLeader, ErrChanging, ErrNotMember} {
		if strings.Contains(a.Error, known.Error()) {
			return &toldError{a.Error, known}
		}
	}
	return errors.New(a.Error)
}

// toldError is an error in the words of another node.
type toldError struct {
	text string
	error
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.error }

// askPort asks a peer over the cluster port.
func (n *Node) askPort(ctx context.Context, peer string, q question) (answer, error) {
	conn, err := n.port.dial(ctx, protocolParley, peer)
	if err != nil {
		return answer{}, err
	}
	return exchange(ctx, conn, peer, q)
}

// askAt asks whatever node of this cluster is at an address, HOST:PORT, and returns
// its name, or the address where there is no answer.
func (n *Node) askAt(ctx context.Context, address string, q question) (string, answer, error) {
	conn, err := n.port.dialAt(ctx, protocolParley, address)
	if err != nil {
		return address, answer{}, err
	}
	name, err := nameOf(conn)
	if err == nil && name == n.cfg.Node {
		err = errors.New("that is this node itself")
	}
	if err != nil {
		conn.Close()
		return address, answer{}, err
	}
	a, err := exchange(ctx, conn, name, q)
	return name, a, err
}

// exchange puts a question to the named node, and closes the connection.
func exchange(ctx context.Context, conn net.Conn, peer string, q question) (answer, error) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := json.NewEncoder(conn).Encode(q); err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", peer, err)
	}
	var a answer
	if err := readParley(conn, &a); err != nil {
		return answer{}, fmt.Errorf("hear %s: %w", peer, explainRefusal(err))
	}
	return a, a.check()
}

// readParley reads one question or answer.
func readParley(r io.Reader, to any) error {
	return json.NewDecoder(io.LimitReader(r, maxParley)).Decode(to)
}

// parley answers the questions of peers until ctx ends.
func (n *Node) parley(ctx context.Context) error {
	var talks sync.WaitGroup
	defer talks.Wait()
	stop := context.AfterFunc(ctx, func() { n.port.parley.Close() })
	defer stop()
	for {
		conn, err := n.port.parley.Accept()
		if err != nil {
			return nil
		}
		talks.Go(func() {
			if err := n.talk(ctx, conn); err != nil {
				n.cfg.Log.Debug("answering a node's question", "remote", remoteAddr(conn), "error", err)
			}
		})
	}
}

// talk answers the question that comes over a connection.
func (n *Node) talk(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	from, err := nameOf(conn)
	if err != nil {
		return err
	}
	conn.SetReadDeadline(time.Now().Add(parleyLimit))
	var q question
	if err := readParley(conn, &q); err != nil {
		return fmt.Errorf("read question of %s: %w", from, err)
	}
	if err := q.check(); err != nil {
		return fmt.Errorf("question of %s: %w", from, err)
	}
	conn.SetWriteDeadline(time.Now().Add(admitLimit + parleyLimit))
	return json.NewEncoder(conn).Encode(n.hear(ctx, from, q))
}

// nameOf returns the name in the certificate at the other end, which was verified in
// the handshake.
func nameOf(conn net.Conn) (string, error) {
	secured, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return "", errors.New("not a TLS connection")
	}
	certificates := secured.ConnectionState().PeerCertificates
	if len(certificates) == 0 {
		return "", errors.New("no certificate")
	}
	return commonName(certificates[0]), nil
}

// commonName is the name that a node's certificate goes by.
func commonName(leaf *x509.Certificate) string {
	if leaf.Subject.CommonName == "" && len(leaf.DNSNames) > 0 {
		return leaf.DNSNames[0]
	}
	return leaf.Subject.CommonName
}

// hear answers a question of the named node.
func (n *Node) hear(ctx context.Context, from string, q question) answer {
	n.callers.note(from)
	a := answer{
		Birth:  n.birth,
		List:   members(n.cfg.bootstrap()),
		Listed: n.cfg.listed(),
		Member: n.member.Load(),
		Leader: n.leader(),
	}
	r := n.raft.Load()
	a.Late = r != nil && !a.Member
	if r != nil && a.Member {
		a.Members = membersOf(r)
		a.Standing = n.standingOf(r, from)
	}
	if births := n.founders.Load(); births != nil {
		a.Founders = *births
	}
	var err error
	switch {
	case q.Admit != nil:
		a.Index, err = n.admit(ctx, from, q.Birth, *q.Admit)
	case q.Remove != "":
		err = n.remove(ctx, q.Remove)
	case q.Invite != nil:
		err = n.heed(*q.Invite)
	case q.Linger != nil:
		_, err = n.apply(state.Command{Linger: &state.Linger{Node: from, For: *q.Linger}}, n.commitLimit())
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

// leader returns the name of the leader that this node knows of, or "".
func (n *Node) leader() string {
	r := n.raft.Load()
	if r == nil {
		return ""
	}
	_, leader := r.LeaderWithID()
	return string(leader)
}
