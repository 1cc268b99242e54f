package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// talkative is a report in which all texts are long, and all maps.
func talkative(much int) NodeReport {
	long := strings.Repeat("é", much)
	values := map[string]string{}
	for i := range much {
		values[fmt.Sprintf("%06d", i)] = "x"
	}
	values[long] = long
	return NodeReport{
		Node: long, Version: long, Role: long, Leader: long, Heartbeat: long, Trouble: long, Deaf: long, Fence: long, Unfenced: long,
		Mended: &Mended{Count: 1, Interface: long, Found: long}, Waits: long,
		Health: &Health{State: long, Priority: 7, Reasons: strings.Split(strings.Repeat(long+" ", 40), " ")},
		VIPs: []VIP{
			{Address: long, Interface: long, Owner: long, Reason: long, Conflict: &Conflict{MAC: long, Count: 2}},
			{Address: "198.18.0.100/24"},
		},
		Settings: &Settings{Values: values, Peers: values, VIPs: 2, VIPDigest: long},
	}
}

// Whatever a peer says of itself is cut to what may be shown, but for what is short.
func TestReportOfAPeerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain := NodeReport{
			Node: "lb2", Version: "1.0", Health: &Health{State: HealthSick, Priority: 1, Reasons: []string{"check x failed"}},
			VIPs: []VIP{{Address: "198.18.0.100/24", Conflict: &Conflict{MAC: "02:00:00:00:00:01"}}}, Mended: &Mended{Count: 1, Found: "x"},
			Settings: &Settings{Values: map[string]string{"cluster.preempt": "true"}, Peers: map[string]string{"lb1": "198.18.0.1:7400"}},
		}
		backend := &fakeBackend{report: talkative(20_000)}
		ln, stop := servePipe(t, PeerHandler(backend))
		defer stop()
		c := NewPeerClient((&fleet{nodes: map[string]*pipeListener{"lb2": ln}}).dial)
		defer c.CloseIdleConnections()
		got, err := c.Report(t.Context(), "lb2")
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(got)
		if most := 2*maxKeys*(maxWord+20) + 30*maxSentence; err != nil || len(text) > most {
			t.Errorf("%d bytes of it are kept, want at most %d (%v)", len(text), most, err)
		}
		if len(got.VIPs) != 2 || got.VIPs[1].Address != "198.18.0.100/24" || got.Health.Priority != 7 || got.VIPs[0].Conflict.Count != 2 || got.Settings.VIPs != 2 {
			t.Errorf("what is short is not kept: %+v", got.VIPs)
		}
		if got.Version == "" || !strings.HasSuffix(got.Version, "é…") || strings.ContainsRune(got.Version, '\ufffd') {
			t.Errorf("the version is cut to %q", got.Version)
		}
		backend.report = plain
		if got, err := c.Report(t.Context(), "lb2"); err != nil || cmp.Diff(plain, got) != "" {
			t.Errorf("what is short is another (%v): %s", err, cmp.Diff(plain, got))
		}
	})
}

// So is why it does not answer.
func TestRefusalOfAPeerIsBounded(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for says, is := range map[string]error{
		"HTTP/1.1 503 No\r\n\r\n" + `{"errors":["` + strings.Repeat(`a","`, 100_000) + `b"]}`: ErrNotNow,
		"HTTP/1.1 503 No\r\n\r\n" + `{"errors":["` + long + `"]}`:                             ErrNotNow,
		"HTTP/1.1 200 OK\r\n\r\n" + `{"time":"` + long + `"}`:                                 nil,
		"HTTP/1.1 200 OK\r\n\r\n" + `{"term":` + strings.Repeat("9", 100_000) + `}`:           nil,
		"HTTP/1.1 200 OK\r\n\r\n" + `{"format":1,"node":"` + long + `"}`:                      nil,
		"HTTP/1.1 " + long + "\r\n\r\n":                                                       nil,
		long:                                                                                  nil,
	} {
		c := peerThatSays(says)
		_, err := c.Overview(t.Context(), "lb2")
		if err == nil || len(err.Error()) > (maxLines+1)*maxSentence || is != nil && !errors.Is(err, is) {
			t.Errorf("%.60q is an error of %d bytes: %.100v", says, len(fmt.Sprint(err)), err)
		}
		c.CloseIdleConnections()
	}
}

// Of what it says of its health, as much is kept as is shown.
func TestHealthOfAPeerIsBounded(t *testing.T) {
	h := Health{State: HealthSick, Priority: 3, Reasons: strings.Split(strings.Repeat(strings.Repeat("y", 5000)+" ", 100), " ")}.bounded()
	if len(h.Reasons) != maxLines || len(h.Reasons[0]) > maxSentence || h.State != HealthSick || h.Priority != 3 {
		t.Errorf("%d reasons, the first of %d bytes", len(h.Reasons), len(h.Reasons[0]))
	}
	r := TransferResult{From: "lb1", To: strings.Repeat("z", 5000), Took: -time.Second}.bounded()
	if len(r.To) > maxWord || r.From != "lb1" || r.Took != 0 {
		t.Errorf("%+v", r)
	}
	if refused := (&AnswerError{Code: http.StatusConflict, Lines: []string{"a", "b"}}).bounded(); refused.Error() != "a\nb" {
		t.Errorf("a short refusal is %q", refused)
	}
}
