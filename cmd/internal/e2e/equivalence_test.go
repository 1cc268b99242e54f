package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A keepalived.conf is run by keepalived and by "perch serve --keepalived", each in a
// network of its own, through the same events. Nobody can tell the two apart: they have the
// same addresses, routes and rules after each event, call the same scripts with the same
// arguments, send mails of the same to the same people, and the same adverts.
func TestTheSameAsKeepalived(t *testing.T) {
	lab.NeedPeers(t)
	files, err := filepath.Glob("testdata/keepalived/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".conf")
		if strings.HasSuffix(name, ".rival") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var keepalived, perch []string
			t.Run("both", func(t *testing.T) {
				t.Run("keepalived", func(t *testing.T) {
					t.Parallel()
					keepalived = newStage(t, name).play(keepalivedWith)
				})
				t.Run("perch", func(t *testing.T) {
					t.Parallel()
					perch = newStage(t, name).play(perchWith)
				})
			})
			if diff := cmp.Diff(keepalived, perch); diff != "" && !t.Failed() {
				t.Errorf("keepalived (-) and perch (+) differ:\n%s", diff)
			}
			t.Logf("seen:\n%s", strings.Join(keepalived, "\n"))
		})
	}
}

// stageID is what the lines that begin with @lb1 are for.
const stageID = "lb1"

func keepalivedWith(_ *testing.T, h *lab.Host, dir, file string) *lab.Daemon {
	at := func(name string) string { return filepath.Join(dir, name) }
	return lab.NewDaemon("keepalived", h, dir, "keepalived", "--vrrp", "--dont-fork", "--log-console", "--no-syslog", "--log-detail",
		"-i", stageID, "-f", file, "-p", at("pid"), "-r", at("vrrp.pid"), "-c", at("checkers.pid"))
}

func perchWith(t *testing.T, h *lab.Host, dir, file string) *lab.Daemon {
	must(t, h.Hide("/run", "/var/lib")) // where it has its socket and its data
	return lab.NewDaemon("perch", h, dir, perchBinary(t), "serve", "--keepalived", file, "--id", stageID)
}

// stage is a network with a machine that runs the keepalived.conf, eth0 and eth1, and one
// that may run its rival.
type stage struct {
	t       *testing.T
	name    string
	dir     string
	events  []string
	subject *lab.Host
	second  *lab.Host
	rival   *lab.Daemon
	capture *lab.Capture

	before []string // what the machine has without a daemon
	calls  int      // of the lines in the file calls that have been seen
}

func newStage(t *testing.T, name string) *stage {
	n := emptyNetwork(t)
	s := &stage{t: t, name: name, dir: n.tempDir(t)}
	s.subject, s.second = n.addHost(t, "subject"), n.addHost(t, "rival")
	inside, err := n.AddSwitch()
	must(t, err)
	_, err = s.subject.Join(inside)
	must(t, err)
	s.fill()
	s.keepMails()
	s.rival, err = lab.NewKeepalived(s.second, filepath.Join(s.dir, "rival"), s.read(name+".rival.conf"))
	must(t, err)
	s.capture, err = n.Capture(n.sw, filepath.Join(s.dir, "capture"))
	must(t, err)
	return s
}

// read returns a file of testdata, with the stage's own folder in it, or nothing.
func (s *stage) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/keepalived", name))
	if !errors.Is(err, fs.ErrNotExist) {
		must(s.t, err)
	}
	return strings.ReplaceAll(string(text), "@DIR@", s.dir)
}

// fill fills the stage's folder with the config, what it may include, and the scripts.
func (s *stage) fill() {
	s.t.Helper()
	config := s.read(s.name + ".conf")
	first, _, _ := strings.Cut(config, "\n")
	events, ok := strings.CutPrefix(first, "# events:")
	if !ok {
		s.t.Fatalf("%s.conf does not begin with its events", s.name)
	}
	s.events = strings.Fields(events)
	must(s.t, os.CopyFS(filepath.Join(s.dir, "fleet.d"), os.DirFS("testdata/keepalived/fleet.d")))
	s.write("keepalived.conf", config, 0o600)
	s.write("tell", script("tell", s.dir), 0o700)
	s.write("well", script("well", s.dir)+"[ ! -e "+s.dir+"/sick ]\n", 0o700)
	s.write("level", "0\n", 0o600)
}

// script returns one that writes down how it was called, in one go.
func script(name, dir string) string {
	return "#!/bin/sh\nline='" + name + "|'; for a; do line=\"$line$a|\"; done; echo \"$line\" >>" + dir + "/calls\n"
}

func (s *stage) write(name, text string, mode fs.FileMode) {
	s.t.Helper()
	must(s.t, os.WriteFile(filepath.Join(s.dir, name), []byte(text), mode))
}

// play runs the daemon through the events, and returns what was to be seen.
func (s *stage) play(prepare func(t *testing.T, h *lab.Host, dir, file string) *lab.Daemon) []string {
	s.before = s.furniture()
	d := prepare(s.t, s.subject, s.dir, filepath.Join(s.dir, "keepalived.conf"))
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("log:\n%s", d.LogTail(40))
		}
	})
	must(s.t, d.Start())
	seen := s.look("start")
	for _, event := range s.events {
		s.happen(event)
		seen = append(seen, s.look(event)...)
	}
	ctx, cancel := contextOf(s.t)
	defer cancel()
	must(s.t, d.Terminate(ctx))
	seen = append(seen, s.look("stop")...)
	return append(seen, s.adverts()...)
}

// happen makes an event happen.
func (s *stage) happen(event string) {
	s.t.Helper()
	ctx, cancel := contextOf(s.t)
	defer cancel()
	switch event {
	case "rival":
		must(s.t, s.rival.Start())
	case "norival":
		must(s.t, s.rival.Terminate(ctx))
	case "sick":
		s.write("sick", "", 0o600)
		s.write("level", "20\n", 0o600)
	case "well":
		must(s.t, os.Remove(filepath.Join(s.dir, "sick")))
		s.write("level", "-3\n", 0o600)
	case "cut":
		must(s.t, s.subject.Eth0.Cut())
	case "splice":
		must(s.t, s.subject.Eth0.Splice())
	default:
		s.t.Fatalf("no such event: %s", event)
	}
}

// stillness is for how long nothing must happen for an event to be over: longer than a backup
// waits for a master's adverts, and an interface for its carrier.
const stillness = 5 * time.Second

// look waits until the event is over, and returns what there is then.
func (s *stage) look(event string) []string {
	s.t.Helper()
	last, since := s.state(), time.Now()
	for deadline := time.Now().Add(2 * patience); time.Since(since) < stillness; time.Sleep(300 * time.Millisecond) {
		if now := s.state(); !slices.Equal(now, last) {
			last, since = now, time.Now()
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no end of %s", event)
		}
	}
	seen := []string{"== after " + event}
	for _, line := range last {
		if !slices.Contains(s.before, line) {
			seen = append(seen, line)
		}
	}
	return append(seen, s.newCalls()...)
}

// state is what the machine has, and how often tell was called or a mail sent.
func (s *stage) state() []string {
	s.t.Helper()
	calls, _ := os.ReadFile(filepath.Join(s.dir, "calls")) // there may be none yet
	return append(s.furniture(), fmt.Sprintf("told %d times", strings.Count(string(calls), "tell|")+strings.Count(string(calls), "mail|")))
}

// newCalls returns how the scripts were called since the last time, each call once. They run
// side by side, so that their order says nothing.
func (s *stage) newCalls() []string {
	data, _ := os.ReadFile(filepath.Join(s.dir, "calls"))
	all := strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' })
	fresh := slices.Clone(all[s.calls:])
	s.calls = len(all)
	slices.Sort(fresh)
	return slices.Compact(fresh)
}
