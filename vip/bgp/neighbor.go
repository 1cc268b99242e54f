package bgp

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/google/seesaw/quagga"
)

// Neighbor is a router that bgpd speaks to, or is to.
type Neighbor struct {
	Name        string // its address, or the interface that it is found on
	ASN         uint32 // 0 while it is not known
	State       quagga.BGPState
	Established time.Time // since when it is; zero if it is not
	Received    int       // prefixes, of all families
}

// Up tells whether the session is established.
func (n Neighbor) Up() bool { return n.State == quagga.BGPStateEstablished }

// summary is the answer to `show bgp summary json`: by family, then by neighbor.
type summary map[string]struct {
	Peers map[string]struct {
		RemoteAS asNumber `json:"remoteAs"`
		State    string   `json:"state"`
		Since    int64    `json:"peerUptimeEstablishedEpoch"` // Unix seconds
		Received int      `json:"pfxRcd"`
	} `json:"peers"`
}

// asNumber is an ASN, which bgpd tells as a number, or where its instance has `as-notation
// dot` as text.
type asNumber uint32

// UnmarshalJSON implements json.Unmarshaler.
func (a *asNumber) UnmarshalJSON(text []byte) error {
	n, ok := parseASN(strings.Trim(string(text), `"`))
	if !ok {
		return fmt.Errorf("%s is no AS number", text)
	}
	*a = asNumber(n)
	return nil
}

// parseNeighbors reads the answer to `show bgp summary json`. A neighbor stands there once
// for each family that is spoken with it.
func parseNeighbors(text string) ([]Neighbor, error) {
	var s summary
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("read bgpd's neighbors: %w", err)
	}
	found := map[string]Neighbor{}
	for _, family := range s {
		for name, p := range family.Peers {
			state, _, _ := strings.Cut(p.State, " ") // of "Idle (Admin)"
			n := Neighbor{Name: name, ASN: uint32(p.RemoteAS), State: quagga.BGPStateByName(state), Received: p.Received}
			if n.Up() && p.Since > 0 {
				n.Established = time.Unix(p.Since, 0)
			}
			n.Received += found[name].Received
			found[name] = n
		}
	}
	list := make([]Neighbor, 0, len(found))
	for _, n := range found {
		list = append(list, n)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}
