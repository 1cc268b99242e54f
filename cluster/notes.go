package cluster

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Notes that raft.db keeps beside the log.
const (
	keyGrant = "LongestGrant" // the length of the longest grant ever given, ns
	keyOwner = "Owner"        // whose data directory this is, as "node NODE of cluster CLUSTER"
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
