package cluster

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Notes that raft.db keeps beside the log.
const (
	keyGrant    = "LongestGrant" // the length of the longest grant ever given, ns
	keyOwner    = "Owner"        // whose data directory this is, as "node NODE of cluster CLUSTER"
	keyBirth    = "Birth"        // a random number, drawn when the directory was made
	keyFounders = "Founders"     // the births of the nodes that founded the cluster with this one, JSON
	keyStage    = "Stage"        // how far this node is on its way into the cluster
)

// Values of keyStage. Before it is known how the node begins there is none.
var (
	stageMember   = []byte("member")   // it takes part
	stageNewcomer = []byte("newcomer") // it waits to be admitted, and has no vote
	stageLeft     = []byte("left")     // it was a member, and has no vote any more
)

// belongTo makes sure that the store was made by this node of this cluster. With
// another one's log and ballot a node would vote in the other's name.
func (s *store) belongTo(cluster, node string) error {
	owner := fmt.Sprintf("node %s of cluster %s", node, cluster)
	noted, err := s.log.note(keyOwner)
	if err != nil {
		return err
	}
	switch string(noted) {
	case owner:
		return nil
	case "":
		return s.log.setNote(keyOwner, []byte(owner))
	default:
		return fmt.Errorf("%s belongs to %s, and this is %s: each node needs a data_dir of its own", s.log.path, noted, owner)
	}
}

// bornAs returns the birth of the data directory.
func (s *store) bornAs() (string, error) {
	noted, err := s.log.note(keyBirth)
	if err != nil || noted != nil {
		return string(noted), err
	}
	birth := newBirth()
	return birth, s.log.setNote(keyBirth, []byte(birth))
}

func (s *store) note(key string) ([]byte, error)        { return s.log.note(key) }
func (s *store) setNote(key string, value []byte) error { return s.log.setNote(key, value) }

// longestGrant returns the length of the longest grant that this node may have
// given in its life, which is to be at least length from now on.
func (s *store) longestGrant(length time.Duration) (time.Duration, error) {
	noted, err := s.log.note(keyGrant)
	if err != nil {
		return 0, err
	}
	if len(noted) == 8 {
		if longest := time.Duration(binary.BigEndian.Uint64(noted)); longest >= length {
			return longest, nil
		}
	}
	return length, s.log.setNote(keyGrant, binary.BigEndian.AppendUint64(nil, uint64(length)))
}
