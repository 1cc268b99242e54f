package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// openPostbox runs a mail server on a machine, until the test ends.
func openPostbox(t *testing.T, h *lab.Host, take func(lab.Mail)) {
	t.Helper()
	p, err := h.OpenPostbox(take)
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
}

// saysState is how the two daemons say in a subject that an instance, or a group, has another state.
var saysState = regexp.MustCompile(`^(\[\S+\]) (?:VRRP (Instance|Group) (\S+) - Entering (\S+) state|(router|sync group) (\S+) is (?:in )?(\S+))$`)

// toldByMail returns a mail in one line that is the same for both daemons.
func toldByMail(mail lab.Mail) string {
	m := saysState.FindStringSubmatch(mail.Subject())
	if m == nil {
		return fmt.Sprintf("mail|%q", mail.Subject())
	}
	thing := map[string]string{"Instance": "instance", "router": "instance", "Group": "group", "sync group": "group"}[m[2]+m[5]]
	return strings.Join([]string{"mail", mail.From, strings.Join(mail.To, " "), m[1], thing, m[3] + m[6], strings.ToLower(m[4] + m[7])}, "|")
}

// keepMails writes down who gets mails, among the calls of scripts.
func (s *stage) keepMails() {
	file := filepath.Join(s.dir, "calls")
	openPostbox(s.t, s.subject, func(mail lab.Mail) {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, _ = f.WriteString(toldByMail(mail) + "\n")
			_ = f.Close()
		}
	})
}

// A mail for each state, from the start on, with what an operator wants to know. A mail server
// that hangs delays neither a failover nor the end of perch.
func TestVRRPMail(t *testing.T) {
	lab.NeedPeers(t)
	t.Parallel()
	mailing := func(hangs bool) implementation {
		i := perch
		i.prepare = func(t *testing.T, s setup) *lab.Daemon {
			t.Helper()
			d := preparePerch(t, s)
			server := "127.0.0.1"
			if hangs {
				server = "127.0.0.1:2525"
			}
			f, err := os.OpenFile(filepath.Join(s.dir, "perch.toml"), os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			_, err = fmt.Fprintf(f, "\n[[notify]]\non = [\"master\", \"backup\", \"stop\"]\n[notify.mail]\nserver = %q\nfrom = \"perch@example.com\"\nto = [\"ops@example.com\", \"root\"]\n", server)
			must(t, err)
			must(t, f.Close())
			return d
		}
		return i
	}
	s := newSegment(t, running(mailing(false), newVirtual(200)), running(mailing(true), newVirtual(100)))
	high, low := s.members[0], s.members[1]
	var mu sync.Mutex
	var mails []lab.Mail
	openPostbox(t, high.host, func(mail lab.Mail) {
		mu.Lock()
		defer mu.Unlock()
		if mail.From != "<perch@example.com>" || !slices.Equal(mail.To, []string{"<ops@example.com>", "<root>"}) {
			t.Errorf("a mail from %s to %q", mail.From, mail.To)
		}
		mails = append(mails, mail)
	})
	openSilence(t, low.host, "127.0.0.1:2525")
	has := func(subjects ...string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			var got []string
			for _, mail := range mails {
				_, subject, _ := strings.Cut(mail.Subject(), "] ")
				got = append(got, subject)
			}
			return slices.Equal(got, subjects)
		}
	}
	name := "router " + high.vs[0].Name
	s.start(high, low)
	s.masterIs(high)
	s.eventually("a mail of each state", has(name+" is backup", name+" is master"))
	s.stop(high)
	s.masterIs(low)
	s.eventually("a mail of the end", has(name+" is backup", name+" is master", name+" has stopped"))
	for _, line := range []string{"\nAuto-Submitted: auto-generated\n", "\nbefore:   backup\n", "\npriority: 200\n", "\nMessage-ID: <perch."} {
		if !strings.Contains(mails[1].Text, line) {
			t.Errorf("no line %q in\n%s", line, mails[1].Text)
		}
	}
	s.stop(low)
}

// openSilence accepts clients at an address of a machine, and says nothing to them.
func openSilence(t *testing.T, h *lab.Host, address string) {
	t.Helper()
	var listener net.Listener
	must(t, h.Do(func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	}))
	t.Cleanup(func() { must(t, listener.Close()) }) // which the backlog of the kernel is for
}
