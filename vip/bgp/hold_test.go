package bgp

import (
	"testing"
	"time"
)

func TestParseHold(t *testing.T) {
	const (
		up    = `"10.1.0.254":{"bgpState":"Established","bgpTimerHoldTimeMsecs":9000}`
		slow  = `"10.2.0.254":{"bgpState":"Established","bgpTimerHoldTimeMsecs":180000}`
		quick = `"10.3.0.254":{"bgpState":"Established","bgpTimerHoldTimeMsecs":180000,"peerBfdInfo":{"status":"Up"}}`
		blind = `"10.4.0.254":{"bgpState":"Established","bgpTimerHoldTimeMsecs":90000,"peerBfdInfo":{"status":"Down"}}`
		down  = `"10.5.0.254":{"bgpState":"Active","bgpTimerHoldTimeMsecs":180000}`
		other = `"vrfId":0,"vrfName":"default"`
	)
	for text, want := range map[string]time.Duration{
		"{}":                                      0,
		"{" + up + "}":                            9 * time.Second,
		"{" + up + "," + slow + "}":               3 * time.Minute,
		"{" + up + "," + quick + "}":              9 * time.Second,
		"{" + up + "," + blind + "}":              90 * time.Second,
		"{" + up + "," + down + "}":               9 * time.Second,
		"{" + other + "," + up + "," + down + "}": 9 * time.Second,
	} {
		got, err := parseHold(text)
		if err != nil || got != want {
			t.Errorf("%s: %v, error %v, want %v", text, got, err, want)
		}
	}
	if _, err := parseHold("% Unknown command"); err == nil {
		t.Error("no error for what is no answer")
	}
}

// Routers keep the route of an owner whose machine is dead for the hold time of its session:
// until then the next owner's is preferred.
func TestTakenOverNetworksStayFreshWhileADeadOwnerIsBelievedIn(t *testing.T) {
	d := newBGPD()
	d.hold = 90 * time.Second
	speak(t, d, Options{Settle: 10 * time.Second}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(d.hold)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		time.Sleep(holdMargin + timersEvery)
		wants(t, d, "198.18.0.100/32 route-map perch-settled")
	})
}

func TestWithoutTimersNetworksSettleAsEver(t *testing.T) {
	d := newBGPD()
	d.hold, d.refusing = 90*time.Second, "show bgp neighbors json"
	speak(t, d, Options{Settle: 10 * time.Second}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(11 * time.Second)
		wants(t, d, "198.18.0.100/32 route-map perch-settled")
	})
}

// What several nodes announce has no standing.
func TestHoldTimeIsNothingToAnycast(t *testing.T) {
	d := newBGPD()
	d.hold = 90 * time.Second
	speak(t, d, Options{}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(5 * time.Minute)
		wants(t, d, "198.18.0.100/32")
	})
}
