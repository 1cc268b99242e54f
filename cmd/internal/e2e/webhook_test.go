package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

const signingSecret = "a-signing-secret-for-tests"

// posted is what a webhook got, as docs/notify.md has it.
type posted struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`
	Node    string    `json:"node"`
	Kind    string    `json:"kind"`
	Before  string    `json:"before"`
	Subject string    `json:"subject"`
	Name    string    `json:"name"`
	Time    time.Time `json:"time"`
	Term    uint64    `json:"term"`
}

// receiver is a webhook that takes what is signed well.
type receiver struct {
	t   *testing.T
	mu  sync.Mutex
	got map[string][]posted
}

// openReceiver runs one on a host, until the test ends.
func openReceiver(t *testing.T, h *lab.Host, address string) *receiver {
	t.Helper()
	r := &receiver{t: t, got: map[string][]posted{}}
	var listener net.Listener
	must(t, h.Do(func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	}))
	server := &http.Server{Handler: r}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		must(t, server.Close())
		serving.Wait()
	})
	return r
}

// ServeHTTP takes an event.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var p posted
	at, signature, _ := strings.Cut(strings.TrimPrefix(request.Header.Get("Perch-Signature"), "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte(signingSecret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	switch {
	case err != nil:
		r.t.Error(err)
	case signature != hex.EncodeToString(mac.Sum(nil)):
		r.t.Errorf("a wrong signature: %v", request.Header)
	case json.Unmarshal(body, &p) != nil || p.Version != 1 || p.ID == "" || p.ID != request.Header.Get("Idempotency-Key"):
		r.t.Errorf("a body that is not as documented: %s", body)
	case request.Method != http.MethodPost, request.Header.Get("User-Agent") != "perch/end-to-end", request.Header.Get("Content-Type") != "application/json":
		r.t.Errorf("a wrong request: %s %v", request.Method, request.Header)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[p.Node] = append(r.got[p.Node], p)
	w.WriteHeader(http.StatusNoContent)
}

// from returns what a node has told of the ownership: "standby", "owner 3".
func (r *receiver) from(n *lab.Node) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var told []string
	for _, p := range r.got[n.Name] {
		text := p.Kind
		if p.Term > 0 {
			text += fmt.Sprint(" ", p.Term)
		}
		told = append(told, text)
	}
	return strings.Join(told, ", ")
}

// A webhook hears of each change of the ownership, signed, with the term, and in order: from the
// start on, by a transfer, after a kill and a restart, and at the end.
func TestWebhookHearsOfTheOwnership(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	r := openReceiver(t, c.net.client, ":8080")
	for _, n := range c.Nodes {
		secret := filepath.Join(n.Dir, "signing")
		c.must(os.WriteFile(secret, []byte(signingSecret+"\n"), 0o600))
		text, err := os.ReadFile(n.ConfigFile())
		c.must(err)
		text = fmt.Appendf(text, "\n[[notify]]\non = [\"owner\", \"standby\"]\nwebhook = \"http://%s:8080/T0/geheim\"\nsigning_secret_file = %q\n", c.net.client.Eth0.IPv4.Addr(), secret)
		c.must(os.WriteFile(n.ConfigFile(), text, 0o600))
	}
	c.must(c.StartAll())
	hears := func(n *lab.Node, want string) {
		t.Helper()
		c.eventually(n.Name+" has told: "+want+", and not: "+r.from(n), func() bool { return r.from(n) == want })
	}
	term := func(n *lab.Node) uint64 { return c.status(n).Cluster.Term }

	old := c.settled()
	story := map[*lab.Node]string{}
	for _, n := range c.Nodes {
		story[n] = "standby"
	}
	story[old] += fmt.Sprint(", owner ", term(old))
	for n, want := range story {
		hears(n, want)
	}
	next := c.handOver(old, askedFor, func() { c.perch(old, "transfer", c.others(old)[0].Name) })
	story[old] += ", standby"
	story[next] += fmt.Sprint(", owner ", term(next))
	hears(old, story[old])
	hears(next, story[next])
	c.eventually("the dashboard of another node says so", func() bool {
		text, err := sectionOf(t, next.Host, "notify")
		return err == nil && strings.Contains(text, " "+old.Name+" ok 3 0 ")
	})

	c.must(next.Kill())
	last := c.movedFrom(next)
	story[last] += fmt.Sprint(", owner ", term(last))
	hears(last, story[last])
	c.must(next.Start())
	story[next] += ", standby"
	hears(next, story[next])
	if c.settled() != last {
		t.Fatal("the VIPs have moved by themselves")
	}
	c.terminate(last)
	story[last] += ", standby"
	hears(last, story[last]) // it has told before it ended
	for _, n := range c.Nodes {
		if log := n.LogTail(10000); strings.Contains(log, "geheim") || strings.Contains(log, signingSecret) {
			t.Errorf("the log of %s has a secret", n.Name)
		}
	}
	if text := c.perch(next, "status", "-o", "json"); strings.Contains(text, "geheim") || !strings.Contains(text, `"webhook http://`) {
		t.Errorf("status says %s", text)
	}
}
