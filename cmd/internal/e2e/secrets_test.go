package e2e

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// What nobody is to see but whom it is for. Each is told to somebody who repeats it.
const (
	hookPath     = "hook-path-5b2e"
	hookQuery    = "hook-query-77ac"
	hookToken    = "hook-token-91d3-0123456789"
	hookSecret   = "hook-secret-c4f0-0123456789abcdef0123"
	mailPassword = "mail-password-3e8d"
	checkQuery   = "check-query-08fa"
	checkHeader  = "check-header-d21b"
	checkUser    = "check-user-6c99" // in a config that is refused
	badHeader    = "bad-header-e5a7" // likewise
	daemonsOwn   = "environment-4d1c"
)

// parrots repeat what they are told, on a host, until the test ends: a mail server that refuses
// a password, and a web server.
func parrots(t *testing.T, h *lab.Host) {
	t.Helper()
	serveEach(t, h, "127.0.0.1:2525", func(conn net.Conn) {
		_, _ = io.WriteString(conn, "220 parrot\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			answer := "250 " + lines.Text()
			switch said := strings.Fields(lines.Text()); {
			case len(said) > 1 && said[0] == "EHLO":
				answer = "250-parrot\r\n250 AUTH PLAIN LOGIN"
			case len(said) > 2 && said[0] == "AUTH":
				plain, _ := base64.StdEncoding.DecodeString(said[2])
				answer = "535 no: " + lines.Text() + ", that is " + strings.ReplaceAll(string(plain), "\x00", " ")
			}
			_, _ = io.WriteString(conn, answer+"\r\n")
		}
	})
	serveEach(t, h, "127.0.0.1:8000", func(conn net.Conn) {
		said := make([]byte, 8<<10)
		n, _ := conn.Read(said)
		first, _, _ := strings.Cut(string(said[:n]), "\r\n")
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 500 %s\r\nContent-Length: %d\r\n\r\n%s", first, n, said[:n])
	})
}

// serveEach answers each connection to an address of a host, until the test ends.
func serveEach(t *testing.T, h *lab.Host, address string, answer func(net.Conn)) {
	t.Helper()
	var listener net.Listener
	must(t, h.Do(func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	}))
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				answer(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
}

// confide gives a node all the secrets, and somebody to tell them to.
func (c *cluster) confide(n *lab.Node) {
	c.t.Helper()
	for name, secret := range map[string]string{"token": hookToken, "signing": hookSecret, "password": mailPassword} {
		c.must(os.WriteFile(filepath.Join(n.Dir, name), []byte(secret), 0o600))
	}
	c.append(n, fmt.Sprintf(`
[[check]]
name = "parrot"
kind = "http"
target = "http://127.0.0.1:8000/?token=%s"
headers = ["Authorization: Bearer %s"]
contains = "no such"
status = [500]
interval = "1s"

[[notify]]
on = ["owner", "standby"]
webhook = "http://127.0.0.1:8000/%s?key=%s"
token_file = %q
signing_secret_file = %q

[[notify]]
on = ["owner", "standby"]
[notify.mail]
server = "127.0.0.1:2525"
from = "perch@example.org"
to = ["ops@example.org"]
user = "perch"
password_file = %q

[[notify]]
on = ["owner", "standby"]
exec = ["/bin/sh", "-c", "env >>%s"]
user = "root"
`, checkQuery, checkHeader, hookPath, hookQuery, filepath.Join(n.Dir, "token"), filepath.Join(n.Dir, "signing"), filepath.Join(n.Dir, "password"), n.Dir+"/env"))
}

// append adds to a node's config.
func (c *cluster) append(n *lab.Node, text string) {
	c.t.Helper()
	config, err := os.ReadFile(n.ConfigFile())
	c.must(err)
	c.must(os.WriteFile(n.ConfigFile(), append(config, text...), 0o600))
}

// gathered is all that a node shows, by where it does.
func (c *cluster) gathered(n *lab.Node) map[string]string {
	c.t.Helper()
	all := map[string]string{}
	for _, args := range []string{"status", "status -o json", "history -o json", "events", "events -o json"} {
		all["perch "+args] = c.perch(n, strings.Fields(args)...)
	}
	for _, path := range []string{"/", "/metrics", "/healthz"} {
		page, err := c.page(n, path)
		c.must(err)
		all[path] = string(page)
	}
	h := &hostile{cluster: c, owner: n}
	defer h.hangUp()
	answer, err := http.ReadResponse(bufio.NewReader(h.send("web", "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), nil)
	c.must(err)
	ready, err := io.ReadAll(answer.Body)
	c.must(err)
	all["/readyz"] = string(ready)
	argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", n.Process().PID()))
	c.must(err)
	all["argv"] = string(argv)
	return all
}

// Whoever is told a secret may repeat it, a config with one may be refused, and the daemon may
// have to say what its goroutines do: it is in nothing that a node shows.
func TestSecretsAreShownNowhere(t *testing.T) {
	t.Setenv("PERCH_E2E_SECRET", daemonsOwn)
	c := startCluster(t)
	owner := c.settled()
	parrots(t, owner.Host)
	c.confide(owner)
	c.perch(owner, "reload")
	good, err := os.ReadFile(owner.ConfigFile())
	c.must(err)
	c.perch(owner, "transfer")
	env := filepath.Join(owner.Dir, "env")
	c.eventuallySays("all were told, and complained", func() bool {
		ran, _ := os.ReadFile(env)
		log := owner.LogTail(10_000)
		return len(ran) > 0 && strings.Contains(log, "535") && strings.Contains(log, "answer 500") &&
			strings.Contains(c.perch(owner, "status"), "parrot")
	})
	for _, bad := range []string{
		"[[check]]\nname = \"x\"\nkind = \"http\"\ntarget = \"http://" + checkUser + "@127.0.0.1/?q=" + checkQuery + "\"\n",
		"[[check]]\nname = \"x\"\nkind = \"http\"\ntarget = \"http://127.0.0.1/\"\nheaders = [\"Authorization Bearer " + badHeader + "\"]\n",
		"[[notify]]\non = [\"owner\"]\nwebhook = \"http://" + hookToken + "@127.0.0.1/" + hookPath + "\"\n",
	} {
		c.append(owner, bad)
		why := c.refused(owner, "reload")
		if why == nil {
			t.Fatal("a wrong config is taken")
		}
		shownNowhere(t, "why a reload is refused", why.Error())
		c.must(os.WriteFile(owner.ConfigFile(), good, 0o600))
	}
	for where, text := range c.gathered(owner) {
		shownNowhere(t, where+" of its own node", text)
	}
	other := c.others(owner)[0]
	for where, text := range c.gathered(other) {
		shownNowhere(t, where+" of another node", text)
	}
	ran, err := os.ReadFile(env)
	c.must(err)
	shownNowhere(t, "the environment of a program", string(ran))
	c.must(owner.Process().Signal(syscall.SIGQUIT))
	<-owner.Process().Done()
	log := owner.LogTail(1_000_000)
	if !strings.Contains(log, "goroutine ") {
		t.Error("it did not say what its goroutines do")
	}
	shownNowhere(t, "the log", log)
}

// shownNowhere wants no secret in a text, neither as it is nor as it is sent.
func shownNowhere(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{
		hookPath, hookQuery, hookToken, hookSecret, mailPassword, checkQuery, checkHeader, checkUser, badHeader, daemonsOwn,
		base64.StdEncoding.EncodeToString([]byte("\x00perch\x00" + mailPassword)), "a-secret-for-tests-only",
	} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s has %q: %.200s", where, secret, text[max(0, i-80):])
		}
	}
}
