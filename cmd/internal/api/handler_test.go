package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ask sends one request to a handler and returns its answer.
func ask(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

const serverAnswer = `{"service":"web","server":"a","node":"lb2","protocol":"","found":{"address":"a","forward":"","state":"","reason":"","weight":0,"wanted_weight":0,"configured_weight":0,"healthy":false,"drained":true,` +
	`"connections":{"active":0,"inactive":0,"persistent":0},"counters":{"connections":0,"packets_in":0,"bytes_in":0,"packets_out":0,"bytes_out":0,` +
	`"connection_rate":0,"packet_rate_in":0,"byte_rate_in":0,"packet_rate_out":0,"byte_rate_out":0},"error":""}}`

func TestHandlersAnswer(t *testing.T) {
	backend := &fakeBackend{
		status:   Status{Node: "lb1", Cluster: &Cluster{Name: "edge", State: StateOK}},
		transfer: TransferResult{From: "lb1", To: "lb2", Took: 2600},
		report:   NodeReport{Node: "lb1", Role: RoleLeader},
		join:     JoinResult{Node: "lb4", Waiting: "for lb5"},
		server:   ServerReport{ServerName: ServerName{"web", "a"}, Node: "lb2", Found: Server{Address: "a", Drained: true}},
	}
	control, peer := ControlHandler(backend), PeerHandler(backend)
	tests := []struct {
		name         string
		handler      http.Handler
		method, path string
		body         string
		want         string
		wantCall     string
	}{
		{"status", control, "GET", "/v1/status", "", `{"node":"lb1","version":"","cluster":{"name":"edge","state":"ok","leader":"","term":0,"quorum":false,"nodes":[],"refused":0},"vips":[],"vrrp":[],"checks":[],"services":[],"warnings":[]}`, "status"},
		{"history", control, "GET", "/v1/history", "", `[]`, "history"},
		{"transfer", control, "POST", "/v1/transfer", `{"to":"lb2"}`, `{"from":"lb1","to":"lb2","took_ns":2600}`, "transfer lb2"},
		{"transfer to the best", control, "POST", "/v1/transfer", `{}`, `{"from":"lb1","to":"lb2","took_ns":2600}`, "transfer "},
		{"transfer without body", control, "POST", "/v1/transfer", ``, `{"from":"lb1","to":"lb2","took_ns":2600}`, "transfer "},
		{"drain", control, "POST", "/v1/drain", `{"node":"lb2"}`, `{}`, "drained lb2"},
		{"undrain", control, "POST", "/v1/undrain", `{"node":"lb2"}`, `{}`, "undrained lb2"},
		{"reload", control, "POST", "/v1/reload", `{}`, `{"added":[],"removed":[],"services":[],"warnings":[]}`, "reload"},
		{"join", control, "POST", "/v1/join", `{"via":"198.18.0.1:7400"}`, `{"node":"lb4","joined":false,"waiting":"for lb5"}`, "join 198.18.0.1:7400"},
		{"join by the list", control, "POST", "/v1/join", `{}`, `{"node":"lb4","joined":false,"waiting":"for lb5"}`, "join "},
		{"remove", control, "POST", "/v1/remove", `{"node":"lb2"}`, `{}`, "remove lb2"},
		{"drain of a server", control, "POST", "/v1/server/order", `{"service":"web","server":"10.0.0.11:80","order":"drain"}`, `{"service":"web","server":"10.0.0.11:80"}`, "drain 10.0.0.11:80 of web"},
		{"weight of a server", control, "POST", "/v1/server/order", `{"service":"web","server":"a","order":"weight","weight":0}`, `{"service":"web","server":"a"}`, "weight a of web to 0"},
		{"peer's order", peer, "POST", "/v1/server/order", `{"service":"web","server":"a","order":"default"}`, `{"service":"web","server":"a"}`, "default a of web"},
		{"peer's report of a server", peer, "POST", "/v1/server/report", `{"service":"web","server":"a","depth":3}`, serverAnswer, "report a of web"},
		{"report of a server", control, "POST", "/v1/server/report", `{"service":"web","server":"a"}`, serverAnswer, "report a of web"},
		{"peer's report", peer, "GET", "/v1/node", "", `{"node":"lb1","version":"","role":"leader","term":0,"leader":"","vips":[]}`, "report"},
		{"peer's health", peer, "POST", "/v1/health", `{"node":"lb2","health":{"state":"sick","priority":90,"reasons":["x"]}}`, `{}`, "lb2 is sick"},
		{"health by a later version", peer, "POST", "/v1/health", `{"node":"lb2","health":{"state":"sick","load":3},"since":"noon"}`, `{}`, "lb2 is sick"},
		{"peer's transfer", peer, "POST", "/v1/transfer", `{"to":"lb2"}`, `{"from":"lb1","to":"lb2","took_ns":2600}`, "transfer lb2"},
		{"peer's drain", peer, "POST", "/v1/drain", `{"node":"lb2"}`, `{}`, "drained lb2"},
		{"peer's undrain", peer, "POST", "/v1/undrain", `{"node":"lb2"}`, `{}`, "undrained lb2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(tt.handler, tt.method, tt.path, tt.body)
			if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != tt.want {
				t.Errorf("answer %d %s\nwant   200 %s", w.Code, got, tt.want)
			}
			if calls := backend.calls(); calls[len(calls)-1] != tt.wantCall {
				t.Errorf("the backend was asked for %q, want %q", calls[len(calls)-1], tt.wantCall)
			}
		})
	}
}

// A sign of life is given without the backend, which may be busy.
func TestAlive(t *testing.T) {
	backend := &fakeBackend{}
	w := ask(ControlHandler(backend), "GET", "/v1/alive", "")
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != "{}" || len(backend.calls()) > 0 {
		t.Errorf("answer %d %s, calls %q", w.Code, got, backend.calls())
	}
}

func TestHandlersRefuse(t *testing.T) {
	backend := &fakeBackend{}
	control, peer := ControlHandler(backend), PeerHandler(backend)
	tests := []struct {
		name         string
		handler      http.Handler
		method, path string
		body         string
		code         int
		want         string
	}{
		{"unknown path", control, "GET", "/v1/statuses", "", 404, `"/v1/statuses": no such resource`},
		{"root", control, "GET", "/", "", 404, `"/": no such resource`},
		{"peer path on the socket", control, "GET", "/v1/node", "", 404, `"/v1/node": no such resource`},
		{"control path for a peer", peer, "POST", "/v1/reload", "", 404, `"/v1/reload": no such resource`},
		{"status for a peer", peer, "GET", "/v1/status", "", 404, `"/v1/status": no such resource`},
		{"GET of an action", control, "GET", "/v1/transfer", "", 405, `/v1/transfer: method "GET" is not allowed, only POST`},
		{"POST to status", control, "POST", "/v1/status", "{}", 405, `/v1/status: method "POST" is not allowed, only GET`},
		{"DELETE", peer, "DELETE", "/v1/node", "", 405, `/v1/node: method "DELETE" is not allowed, only GET`},
		{"unknown field", control, "POST", "/v1/transfer", `{"too":"lb2"}`, 400, `request body: json: unknown field "too"`},
		{"field for a reload", control, "POST", "/v1/reload", `{"force":true}`, 400, `request body: json: unknown field "force"`},
		{"wrong type", control, "POST", "/v1/drain", `{"node":7}`, 400, `request body: json: cannot unmarshal number into Go struct field drainRequest.node of type string`},
		{"list", control, "POST", "/v1/drain", `[]`, 400, `request body: json: cannot unmarshal array into Go value of type api.drainRequest`},
		{"not JSON", control, "POST", "/v1/drain", `node=lb1`, 400, `request body: invalid character 'o' in literal null (expecting 'u')`},
		{"cut off", control, "POST", "/v1/drain", `{"node":"lb`, 400, `request body: unexpected EOF`},
		{"two values", control, "POST", "/v1/drain", `{"node":"lb1"}{"node":"lb2"}`, 400, `request body: more than one JSON value`},
		{"trailing garbage", control, "POST", "/v1/drain", `{"node":"lb1"}}`, 400, `request body: more than one JSON value`},
		{"no node", control, "POST", "/v1/drain", `{}`, 400, `the node's name is empty`},
		{"empty node", control, "POST", "/v1/drain", `{"node":""}`, 400, `the node's name is empty`},
		{"no node, by a peer", peer, "POST", "/v1/undrain", ``, 400, `the node's name is empty`},
		{"health of nobody", peer, "POST", "/v1/health", `{"health":{"state":"sick"}}`, 400, `the node's name is empty`},
		{"health of no form", peer, "POST", "/v1/health", `{"node":"lb2","health":1}`, 400, `request body: json: cannot unmarshal number into Go struct field HealthReport.health of type api.Health`},
		{"health by the socket", control, "POST", "/v1/health", `{"node":"lb2"}`, 404, `"/v1/health": no such resource`},
		{"remove nobody", control, "POST", "/v1/remove", `{}`, 400, `the node's name is empty`},
		{"membership for a peer", peer, "POST", "/v1/remove", `{"node":"lb1"}`, 404, `"/v1/remove": no such resource`},
		{"order for no service", control, "POST", "/v1/server/order", `{"server":"a","order":"drain"}`, 400, `the service's name is empty`},
		{"order for no server", peer, "POST", "/v1/server/order", `{"service":"web","order":"drain"}`, 400, `the server's address is empty`},
		{"no order", control, "POST", "/v1/server/order", `{"service":"web","server":"a"}`, 400, `order "" is not one of drain, undrain, weight and default`},
		{"another order", control, "POST", "/v1/server/order", `{"service":"web","server":"a","order":"burn"}`, 400, `order "burn" is not one of drain, undrain, weight and default`},
		{"no weight", control, "POST", "/v1/server/order", `{"service":"web","server":"a","order":"weight"}`, 400, `order "weight" needs a weight of 0 to 65535`},
		{"heavy", control, "POST", "/v1/server/order", `{"service":"web","server":"a","order":"weight","weight":65536}`, 400, `order "weight" needs a weight of 0 to 65535`},
		{"weight of a drain", control, "POST", "/v1/server/order", `{"service":"web","server":"a","order":"drain","weight":1}`, 400, `order "drain" has a weight, 1, and none is for it`},
		{"report of no server", peer, "POST", "/v1/server/report", `{"service":"web"}`, 400, `the server's address is empty`},
		{"report of no form", peer, "POST", "/v1/server/report", `[]`, 400, `request body: json: cannot unmarshal array into Go value of type api.ServerName`},
		{"too large", control, "POST", "/v1/drain", `{"node":"` + strings.Repeat("x", maxRequest) + `"}`, 413, `request body: over 16384 bytes`},
		{"too large, only blanks", peer, "POST", "/v1/transfer", strings.Repeat(" ", maxRequest+1), 413, `request body: over 16384 bytes`},
		{"deep", control, "POST", "/v1/drain", strings.Repeat("[", maxRequest), 400, `request body: invalid character '[' exceeded max depth`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(tt.handler, tt.method, tt.path, tt.body)
			wantRefusal(t, w, tt.code, tt.want)
		})
	}
	if calls := backend.calls(); len(calls) != 0 {
		t.Errorf("refused requests reached the backend: %q", calls)
	}
}

func wantRefusal(t *testing.T, w *httptest.ResponseRecorder, code int, lines ...string) {
	t.Helper()
	var answer errorAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("answer %q is no JSON: %v", w.Body, err)
	}
	if w.Code != code || !slices.Equal(answer.Errors, lines) {
		t.Errorf("refused with %d %q\nwant %d %q", w.Code, answer.Errors, code, lines)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
	if w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
		t.Error("405 without Allow")
	}
}

func TestBackendErrors(t *testing.T) {
	noLeader := errors.New("cluster edge has no leader")
	tests := []struct {
		name  string
		err   error
		code  int
		lines []string
	}{
		{"plain", errors.New("disk is full"), 500, []string{"disk is full"}},
		{"invalid", Invalid(errors.New("no node lb9")), 400, []string{"no node lb9"}},
		{"wrapped invalid", fmt.Errorf("drain: %w", Invalid(errors.New("no node lb9"))), 400, []string{"drain: no node lb9"}},
		{"not now", NotNow(noLeader), 503, []string{"cluster edge has no leader"}},
		{"moving", Moving(noLeader), 409, []string{"cluster edge has no leader"}},
		{"moving, from a peer", &AnswerError{Code: 409, Lines: []string{"lb2 is not the leader"}}, 409, []string{"lb2 is not the leader"}},
		{"late", fmt.Errorf("transfer: %w", context.DeadlineExceeded), 504, []string{"transfer: context deadline exceeded"}},
		{"stopping", context.Canceled, 503, []string{"context canceled"}},
		{"mistakes", Invalid(errors.Join(errors.New("perch.toml:3:1: a"), errors.New("perch.toml:9:1: b"))), 400, []string{"perch.toml:3:1: a", "perch.toml:9:1: b"}},
		{"blank lines", errors.New("\n\n a \r\n\n"), 500, []string{"a"}},
		{"no text", errors.New(""), 500, []string{"unknown error"}},
		{"from a peer", &AnswerError{Code: 503, Lines: []string{"lb2 is not the leader"}}, 503, []string{"lb2 is not the leader"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(ControlHandler(&fakeBackend{err: tt.err}), "POST", "/v1/reload", "{}")
			wantRefusal(t, w, tt.code, tt.lines...)
		})
	}
}

func TestMarksKeepTheError(t *testing.T) {
	cause := errors.New("no node lb9")
	if err := Invalid(cause); !errors.Is(err, cause) || !errors.Is(err, ErrInvalid) || errors.Is(err, ErrNotNow) {
		t.Errorf("Invalid(%v) does not match its cause and ErrInvalid alone", cause)
	}
	if err := NotNow(cause); !errors.Is(err, cause) || !errors.Is(err, ErrNotNow) || errors.Is(err, ErrInvalid) {
		t.Errorf("NotNow(%v) does not match its cause and ErrNotNow alone", cause)
	}
}

// A marked error is what it was on the other side of the wire, too.
func TestMarksCrossTheWire(t *testing.T) {
	cause := errors.New("no leader")
	for _, marked := range []error{Invalid(cause), NotNow(cause), Moving(cause), Moving(context.DeadlineExceeded)} {
		answered := &AnswerError{Code: codeOf(marked), Lines: linesOf(marked)}
		for _, mark := range []error{ErrInvalid, ErrNotNow, ErrMoving} {
			if got, want := errors.Is(answered, mark), errors.Is(marked, mark); got != want {
				t.Errorf("%d (%v): %t for %q, want %t", answered.Code, marked, got, mark, want)
			}
		}
	}
	if !errors.Is(Moving(cause), ErrNotNow) {
		t.Error("what is moving is possible now")
	}
}

// The backend's own value may be shared between requests.
func TestStatusLeavesTheBackendsValueAlone(t *testing.T) {
	lacking := func() Status {
		return Status{Cluster: &Cluster{}, VRRP: []VirtualRouter{{Heard: []HeardFrom{{}}}}, Static: &Static{}}
	}
	backend := &fakeBackend{status: lacking()}
	ask(ControlHandler(backend), "GET", "/v1/status", "")
	if diff := cmp.Diff(lacking(), backend.status); diff != "" {
		t.Errorf("the handler wrote to the backend's status (-before +after):\n%s", diff)
	}
}

// Programs that read a status need not tell null from an empty list or object.
func TestStatusHasNoNull(t *testing.T) {
	for _, s := range []Status{
		{},
		{Cluster: &Cluster{}, VRRP: []VirtualRouter{{}}, Static: &Static{}},
		{VRRP: []VirtualRouter{{Heard: []HeardFrom{{}}}}},
	} {
		answer := ask(ControlHandler(&fakeBackend{status: s}), "GET", "/v1/status", "").Body.String()
		if strings.Contains(answer, "null") || !strings.Contains(answer, `"vrrp":[`) {
			t.Errorf("answer %s", answer)
		}
	}
}

// What is there stays as it is.
func TestStatusIsWhole(t *testing.T) {
	dropped := map[string]uint64{"bad checksum": 3}
	want := VirtualRouter{
		Name: "gw", Addresses: []HeldAddress{{Address: "198.18.0.200/24", Held: true}}, Routes: []HeldRoute{{Route: "default"}},
		Adverts: Adverts{Sent: 7, Dropped: dropped}, Heard: []HeardFrom{{Address: "198.18.0.9", Dropped: dropped}},
	}
	var got Status
	answer := ask(ControlHandler(&fakeBackend{status: Status{VRRP: []VirtualRouter{want}}}), "GET", "/v1/status", "")
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]VirtualRouter{want}, got.VRRP); diff != "" {
		t.Errorf("-given +answered:\n%s", diff)
	}
}

// A command that is about a cluster is told so in one line, and need not ask again.
func TestNoCluster(t *testing.T) {
	backend := &fakeBackend{err: ErrNoCluster}
	for _, path := range []string{"/v1/transfer", "/v1/join"} {
		w := ask(ControlHandler(backend), "POST", path, "")
		if w.Code != http.StatusBadRequest || !strings.HasPrefix(w.Body.String(), `{"errors":["this node runs no cluster: `) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, seed := range []string{``, `{}`, `null`, `{"node":"lb1"}`, `{"Node":"a","node":"b"}`, `{"node":"\u0000"}`, `{"node":"lb1"} x`, `[[[[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		backend := &fakeBackend{}
		w := ask(ControlHandler(backend), "POST", "/v1/drain", string(body))
		switch calls := backend.calls(); {
		case w.Code == http.StatusOK && (len(calls) != 1 || calls[0] == "drained "):
			t.Fatalf("%q was granted, and the backend asked for %q", body, calls)
		case w.Code != http.StatusOK && len(calls) != 0:
			t.Fatalf("%q was refused with %d, but the backend asked for %q", body, w.Code, calls)
		case w.Code >= 500:
			t.Fatalf("%q is answered with %d", body, w.Code)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%q is answered with %q", body, w.Body)
		}
	})
}
