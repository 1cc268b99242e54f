package api

import (
	"encoding/json"
	"net/http"
	"testing"
)

// FuzzDecodeOrder holds the handler to what it may let through: an order for somebody,
// with a weight where one is due.
func FuzzDecodeOrder(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{"service":"web","server":"a","order":"drain"}`, `{"service":"web","server":"a","order":"weight","weight":65535}`,
		`{"service":"web","server":"a","order":"weight","weight":-1}`, `{"service":"web","server":"a","order":"weight","weight":1e3}`,
		`{"service":"web","server":"a","order":"default","weight":null}`, `{"ServerName":{"service":"web"},"server":"a","order":"drain"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		backend := &fakeBackend{}
		w := ask(PeerHandler(backend), "POST", orderPath, string(body))
		granted := w.Code == http.StatusOK
		if granted != (len(backend.calls()) == 1) || w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%q is answered with %d %s, and the backend asked for %q", body, w.Code, w.Body, backend.calls())
		}
		var o ServerOrder
		if err := json.Unmarshal(body, &o); granted && (err != nil || o.Service == "" || o.Server == "" || (o.Order == OrderWeight) != (o.Weight != nil)) {
			t.Fatalf("%q was granted as %+v (%v)", body, o, err)
		}
	})
}
