//go:build ipvs

package balance

import (
	_ "embed"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

//go:embed testdata/mails/keepalived.conf
var mailsKeepalived string

// What keepalived(8) says in the subject of a mail of a server, or a quorum.
var (
	ofServer = regexp.MustCompile(`Realserver \[(\S+)\]:tcp:(\d+) of virtual server \[(\S+)\]:tcp:(\d+) - (UP|DOWN)$`)
	ofQuorum = regexp.MustCompile(`Virtualserver \[(\S+)\]:tcp:(\d+) - (UP|DOWN)$`)
)

// wordsOfPerch says in the words of perch what a subject of keepalived says.
func wordsOfPerch(subject string) string {
	if m := ofServer.FindStringSubmatchIndex(subject); m != nil {
		said := ofServer.ExpandString(nil, "server $1:$2 of $3:$4/tcp is ", subject, m)
		return subject[:m[0]] + string(said) + strings.ToLower(subject[m[10]:m[11]])
	}
	if m := ofQuorum.FindStringSubmatch(subject); m != nil {
		verb := map[string]string{"UP": "has", "DOWN": "has lost"}[m[3]]
		return ofQuorum.ReplaceAllString(subject, "service $1:$2/tcp "+verb+" its quorum")
	}
	return subject
}

// mailbag is what was sent from a director, and to whom.
type mailbag struct {
	mu    sync.Mutex
	mails []string
}

func (b *bed) openMailbag(d *director) *mailbag {
	b.t.Helper()
	bag := &mailbag{}
	p, err := d.OpenPostbox(func(m lab.Mail) {
		bag.mu.Lock()
		defer bag.mu.Unlock()
		bag.mails = append(bag.mails, fmt.Sprint(m.From, m.To, " ", wordsOfPerch(m.Subject())))
	})
	must(b.t, err)
	b.t.Cleanup(func() { must(b.t, p.Close()) })
	return bag
}

// wants waits until these mails are in the bag, in any order, and empties it.
func (m *mailbag) wants(t *testing.T, want ...string) {
	t.Helper()
	for i := range want {
		want[i] = "<keepalived@example.com>[<ops@example.com> <root>] [lb1] " + want[i]
	}
	slices.Sort(want)
	var got []string
	defer func() {
		if t.Failed() {
			t.Errorf("mails:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}()
	eventually(t, "the mails are there", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		got = slices.Sorted(slices.Values(m.mails))
		if !slices.Equal(got, want) {
			return false
		}
		m.mails = nil
		return true
	})
}

// serves tells whether a server takes a connection from a director.
func serves(t *testing.T, d *director, at string) bool {
	conn, err := d.Dial(t.Context(), "tcp", netip.MustParseAddrPort(at))
	return err == nil && conn.Close() == nil
}

// Mails are sent of the same servers and quorums as by keepalived(8), to the same people.
func TestBalanceImportedMails(t *testing.T) {
	b := newBed(t)
	ours, theirs := b.directors[0], b.directors[1]
	conf := filepath.Join(tempDir(t), "keepalived.conf")
	must(t, os.WriteFile(conf, []byte(mailsKeepalived), 0o600))
	eventually(t, "all servers serve, or there would be more mails", func() bool {
		return serves(t, ours, "198.18.0.4:80") && serves(t, ours, "198.18.0.5:80") && serves(t, ours, "198.18.0.6:80")
	})
	bags := []*mailbag{b.openMailbag(ours), b.openMailbag(theirs)}
	b.balanceByPerch(ours, strings.Replace(importedFrom(t, conf), "[node]\nname = \"lb1\"\n", "", 1)) // which it gets
	b.runKeepalived(theirs, conf)
	const (
		of160, of161 = "server 198.18.0.5:80 of 198.18.0.160:80/tcp is ", "server 198.18.0.5:80 of 198.18.0.161:80/tcp is "
		quorum       = "service 198.18.0.160:80/tcp has its quorum"
	)
	for _, bag := range bags {
		bag.wants(t, of161+"up", quorum)
	}
	must(t, b.webs[1].Kill())
	for _, bag := range bags {
		bag.wants(t, of160+"down", of161+"down", "service 198.18.0.160:80/tcp has lost its quorum")
	}
	must(t, b.webs[1].Start())
	for _, bag := range bags {
		bag.wants(t, of160+"up", of161+"up", quorum)
	}
}
