package bgp

import (
	"encoding/json"
	"fmt"
	"time"
)

// holdMargin is how much longer than the hold time routes of a machine that is dead count on.
const holdMargin = 5 * time.Second

// timers is the answer to `show bgp neighbors json`, by neighbor.
type timers map[string]json.RawMessage

// parseHold reads how long neighbors believe in a machine that is silent: the longest hold
// time of a session that is established, and that BFD does not watch over. It is 0 if there
// is no such session.
func parseHold(text string) (time.Duration, error) {
	var all timers
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return 0, fmt.Errorf("read the timers of bgpd's neighbors: %w", err)
	}
	longest := time.Duration(0)
	for _, each := range all {
		var n struct {
			State string `json:"bgpState"`
			Hold  int64  `json:"bgpTimerHoldTimeMsecs"`
			BFD   struct {
				Status string `json:"status"`
			} `json:"peerBfdInfo"`
		}
		if json.Unmarshal(each, &n) != nil { // what is said beside the neighbors
			continue
		}
		if n.State == "Established" && n.BFD.Status != "Up" {
			longest = max(longest, time.Duration(n.Hold)*time.Millisecond)
		}
	}
	return longest, nil
}
