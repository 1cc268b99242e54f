package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/ipvs"
)

// programs are run for events, each for as long as its first argument says.
type programs struct {
	begin time.Time
	mu    sync.Mutex
	ran   []string
}

// program is one of them.
type program struct {
	argv []string
	all  *programs
}

func (p program) Run(ctx context.Context, arguments, _ []string) error {
	takes, err := time.ParseDuration(p.argv[1])
	if err != nil {
		return err
	}
	end := "ended"
	select {
	case <-ctx.Done():
		end = "killed"
	case <-time.After(takes):
	}
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	said := strings.Join(slices.Concat(p.argv[:1], arguments, []string{end}), " ")
	p.all.ran = append(p.all.ran, fmt.Sprintf("%s at %s", said, time.Since(p.all.begin)))
	return ctx.Err()
}

func (p *programs) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.ran)
	slices.Sort(want)
	if !slices.Equal(p.ran, want) {
		t.Errorf("ran %q, want %q", p.ran, want)
	}
}

// testTargets are programs that are not really run.
func testTargets() (targets, *programs) {
	p := &programs{begin: time.Now()}
	t := newTargets(slog.New(slog.DiscardHandler))
	t.program = func(argv []string, _ string) (notify.Runner, error) { return program{argv, p}, nil }
	return t, p
}

// testNotifier has a daemon run programs of a config that are not really run.
func testNotifier(t *testing.T, d *daemon, cfg *config.Config) *programs {
	t.Helper()
	targets, p := testTargets()
	entries, err := targets.entriesOf(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.targets, d.notifier, d.converger = targets, notify.New(d.log), notify.NewConverger(d.log)
	d.notifier.Set(entries)
	return p
}

// notified is a daemon of which only what notifies runs.
func notified(t *testing.T, cfg *config.Config) (*daemon, *programs) {
	t.Helper()
	d := &daemon{log: slog.New(slog.DiscardHandler)}
	d.current.Store(&loaded{config: cfg})
	p := testNotifier(t, d, cfg)
	go func() { _ = d.notifier.Run(t.Context()) }()
	return d, p
}

func hooked(name, takes string) config.Service {
	return config.Service{Name: name, QuorumUp: []string{name + " up", takes}, QuorumDown: []string{name + " down", takes}}
}

// Programs of [[notify]] that hang delay none of a quorum.
func TestProgramsOfTheQuorumHavePlacesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &config.Config{Services: []config.Service{hooked("a", "1s")}}
		for i := range 2 * cap(notify.NewSlots()) {
			exec := []string{fmt.Sprintf("hangs-%d", i), "1h"}
			cfg.Notify = append(cfg.Notify, config.Notify{On: []string{"server_down"}, Exec: exec, Timeout: time.Minute})
		}
		d, p := notified(t, cfg)
		d.tellService(&cfg.Services[0], ipvs.Event{Kind: ipvs.ServerDown, Server: addrPorts("10.0.0.1:80")[0]})
		synctest.Wait()
		d.tellService(&cfg.Services[0], ipvs.Event{Kind: ipvs.QuorumUp})
		time.Sleep(time.Hour)
		synctest.Wait()
		if !slices.Contains(p.ran, "a up ended at 1s") || len(p.ran) != len(cfg.Notify)+1 {
			t.Errorf("ran %q", p.ran)
		}
	})
}

func TestProgramsOfTheQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &config.Config{Services: []config.Service{hooked("a", "1s"), hooked("b", "1s"), {Name: "c"}}}
		d, p := notified(t, cfg)
		d.tellService(&cfg.Services[0], ipvs.Event{Kind: ipvs.QuorumUp})
		d.tellService(&cfg.Services[1], ipvs.Event{Kind: ipvs.QuorumDown})
		d.tellService(&cfg.Services[1], ipvs.Event{Kind: ipvs.ServerDown, Server: addrPorts("10.0.0.1:80")[0]})
		d.tellService(&cfg.Services[2], ipvs.Event{Kind: ipvs.QuorumUp})
		time.Sleep(time.Minute)
		p.want(t, "a up ended at 1s", "b down ended at 1s")
	})
}

// Of programs of one service only the newest waits, and one that hangs keeps back no other
// service's.
func TestProgramsOfOneServiceComeOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &config.Config{Services: []config.Service{hooked("a", "1h"), hooked("b", "1s")}}
		cfg.Services[0].QuorumUp[1] = "10s"
		d, p := notified(t, cfg)
		tell := func(i int, kind ipvs.EventKind) { d.tellService(&cfg.Services[i], ipvs.Event{Kind: kind}) }
		tell(0, ipvs.QuorumDown)
		synctest.Wait()
		tell(0, ipvs.QuorumUp)
		tell(0, ipvs.QuorumDown)
		tell(0, ipvs.QuorumUp)
		tell(1, ipvs.QuorumUp)
		time.Sleep(time.Minute)
		p.want(t, "a down killed at 30s", "a up ended at 40s", "b up ended at 1s")
	})
}

// What waits is not run when there is nothing to run for what came after it.
func TestProgramsOfAQuorumThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &config.Config{Services: []config.Service{hooked("a", "10s")}}
		cfg.Services[0].QuorumUp = nil
		d, p := notified(t, cfg)
		for _, kind := range []ipvs.EventKind{ipvs.QuorumDown, ipvs.QuorumUp, ipvs.QuorumDown, ipvs.QuorumUp} {
			d.tellService(&cfg.Services[0], ipvs.Event{Kind: kind})
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		p.want(t, "a down ended at 10s")
	})
}

// A notify hears of what it is for, with keepalived's arguments if it wants these.
func TestNotifyOfServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &config.Config{
			Services: []config.Service{{Name: "web"}, {Name: "dns"}},
			Notify: []config.Notify{
				{On: []string{"server_down"}, Services: []string{"web"}, Exec: []string{"web", "1s"}, Arguments: "keepalived", Timeout: time.Minute},
				{On: []string{"server_down", "quorum_down"}, Exec: []string{"any", "2s"}, Timeout: time.Minute},
			},
		}
		d, p := notified(t, cfg)
		server := addrPorts("10.0.0.1:80")[0]
		d.tellService(&cfg.Services[0], ipvs.Event{Kind: ipvs.ServerDown, Server: server})
		d.tellService(&cfg.Services[1], ipvs.Event{Kind: ipvs.QuorumDown})
		synctest.Wait()
		d.tellService(&cfg.Services[1], ipvs.Event{Kind: ipvs.QuorumUp})
		time.Sleep(time.Minute)
		p.want(t, "web ended at 1s", "any ended at 2s", "any ended at 2s")
	})
}

// Owner and standby are told once each, and standby at the start.
func TestNotifyOfOwnership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &config.Config{
			Node:    config.Node{Name: "lb1"},
			Cluster: &config.Cluster{Name: "edge", Peers: []config.Peer{{Name: "lb1", Priority: 90}}},
			Notify:  []config.Notify{{On: []string{"owner", "standby"}, Exec: []string{"tell", "1s"}, Arguments: "keepalived", Timeout: time.Minute}},
		}
		d, p := notified(t, cfg)
		d.member = &member{holder: &holder{}}
		for _, held := range []amount{none, none, all, all, some, none} {
			d.member.holder.done.held = held
			d.tellOwnership()
			time.Sleep(10 * time.Second)
		}
		p.want(t,
			"tell INSTANCE edge BACKUP 90 ended at 1s",
			"tell INSTANCE edge MASTER 90 ended at 21s",
			"tell INSTANCE edge BACKUP 90 ended at 51s",
		)
	})
}

func TestEntriesOfNotify(t *testing.T) {
	targets, _ := testTargets()
	cfg := &config.Config{Notify: []config.Notify{
		{On: []string{"master"}, VRRP: []string{"gw"}, SyncGroups: []string{"all"}, Services: []string{"web"}, Exec: []string{"/bin/tell"}, Timeout: time.Minute},
		{On: []string{"stop"}, FIFO: "/run/events", User: "root", StatesOnReload: true},
	}}
	list, err := targets.entriesOf(cfg)
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	want := []notify.Subject{{About: notify.Router, Name: "gw"}, {About: notify.Group, Name: "all"}, {About: notify.Virtual, Name: "web"}}
	if diff := cmp.Diff(want, list[0].Subjects, compareSubjects); diff != "" {
		t.Errorf("subjects (-want +got):\n%s", diff)
	}
	if list[0].Again || !list[1].Again {
		t.Errorf("who hears of states again: %+v", list)
	}
	if list[0].Lane != "" || list[1].Lane != "/run/events" || list[0].Key == list[1].Key || len(list[1].Subjects) != 0 {
		t.Errorf("entries %+v", list)
	}
}

var compareSubjects = cmp.Comparer(func(a, b notify.Subject) bool { return a == b })

// A target that is another one has another Key, so that nothing goes on with the old one.
func TestKeysOfNotify(t *testing.T) {
	base := config.Notify{On: []string{"master"}, Exec: []string{"/bin/tell", "a"}, Arguments: "none", Timeout: time.Minute}
	keys := map[string]string{}
	for name, change := range map[string]func(*config.Notify){
		"base":      func(*config.Notify) {},
		"argv":      func(n *config.Notify) { n.Exec = []string{"/bin/tell", "b"} },
		"arguments": func(n *config.Notify) { n.Arguments = "keepalived" },
		"user":      func(n *config.Notify) { n.User = "daemon" },
		"timeout":   func(n *config.Notify) { n.Timeout = time.Second },
		"fifo":      func(n *config.Notify) { n.Exec, n.FIFO = nil, "/run/events" },
		"fifo user": func(n *config.Notify) { n.Exec, n.FIFO, n.User = nil, "/run/events", "daemon" },
	} {
		n := base
		change(&n)
		targets, _ := testTargets()
		e, err := targets.entryOf(&n, "lb1")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if other, twice := keys[e.Key]; twice {
			t.Errorf("%s has the key of %s", name, other)
		}
		keys[e.Key] = name
	}
}

// Root runs programs as nobody, unless somebody is named.
func TestUserOfNotify(t *testing.T) {
	for named, want := range map[string]string{"": unprivileged, "root": "root", "daemon": "daemon"} {
		if named == "" && os.Geteuid() != 0 {
			want = ""
		}
		got := "none"
		targets, _ := testTargets()
		targets.program = func(_ []string, user string) (notify.Runner, error) {
			got = user
			return nil, nil
		}
		if _, err := targets.entryOf(&config.Notify{Exec: []string{"/bin/tell"}, User: named}, "lb1"); err != nil || got != want {
			t.Errorf("named %q: runs as %q, %v, want %q", named, got, err, want)
		}
	}
}

func TestNotifyThatCannotBe(t *testing.T) {
	_, err := newTargets(slog.New(slog.DiscardHandler)).entriesOf(&config.Config{Notify: []config.Notify{
		{Exec: []string{"/bin/true"}, User: "no such user"},
		{FIFO: "/run/events", User: "nor this"},
	}})
	want := "notify /bin/true: user \"no such user\": not known on this machine\nnotify /run/events: user \"nor this\": not known on this machine"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want\n%s", err, want)
	}
}

// A FIFO's reader is run by whose the FIFO is, and another one has another Key.
func TestReaderOfNotify(t *testing.T) {
	targets, _ := testTargets()
	var made []string
	targets.keeper = func(argv []string, user string) (notify.Keeper, error) {
		made = append(made, fmt.Sprint(argv, " as ", user))
		return nil, nil
	}
	keys := map[string]bool{}
	for _, n := range []config.Notify{
		{FIFO: "/run/events", Reader: []string{"/bin/read", "a"}},
		{FIFO: "/run/events", Reader: []string{"/bin/read", "b"}},
		{FIFO: "/run/events", Reader: []string{"/bin/read", "a"}, User: "root"},
	} {
		e, err := targets.entryOf(&n, "lb1")
		if err != nil || e.Reader.FIFO != "/run/events" || e.Reader.Name != "/bin/read" {
			t.Fatalf("%+v, %v", e.Reader, err)
		}
		keys[e.Reader.Key] = true
	}
	if e, err := targets.entryOf(&config.Notify{FIFO: "/run/events"}, "lb1"); err != nil || e.Reader != nil {
		t.Errorf("without one there is %+v, %v", e.Reader, err)
	}
	if want := []string{"[/bin/read a] as ", "[/bin/read b] as ", "[/bin/read a] as root"}; !slices.Equal(made, want) || len(keys) != 3 {
		t.Errorf("made %q, want %q; keys %v", made, want, keys)
	}
}

// Root has readers run as nobody, too, to whom the FIFO belongs then by each [[notify]] that it
// has; a FIFO without a reader is root's.
func TestUserOfReader(t *testing.T) {
	targets, _ := testTargets()
	var runs string
	targets.keeper = func(_ []string, user string) (notify.Keeper, error) {
		runs = user
		return nil, nil
	}
	entries, err := targets.entriesOf(&config.Config{Notify: []config.Notify{
		{FIFO: "/run/read"}, {FIFO: "/run/read", Reader: []string{"/bin/read"}}, {FIFO: "/run/unread"},
	}})
	want := ""
	if os.Geteuid() == 0 {
		want = unprivileged
	}
	if err != nil || runs != want {
		t.Fatalf("runs as %q, %v, want %q", runs, err, want)
	}
	if entries[0].Key != entries[1].Key || want != "" && !strings.HasSuffix(entries[0].Key, "of nobody") || !strings.HasSuffix(entries[2].Key, "of ") {
		t.Errorf("keys %q, %q, %q", entries[0].Key, entries[1].Key, entries[2].Key)
	}
}

// ownUser is the user of a [[notify]] whose programs the daemon's own user runs.
func ownUser() string {
	if os.Geteuid() == 0 {
		return "root"
	}
	return ""
}

// Programs are really run, and files are really written.
func TestNotifyRunsRealPrograms(t *testing.T) {
	dir := t.TempDir()
	script, out := filepath.Join(dir, "tell"), filepath.Join(dir, "out")
	body := "#!/bin/sh\necho \"$* $PERCH_EVENT $PERCH_NAME\" >" + out + "\n"
	if err := os.WriteFile(script, []byte(body), 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := newTargets(slog.New(slog.DiscardHandler)).entriesOf(&config.Config{Notify: []config.Notify{
		{On: []string{"master"}, Exec: []string{script, "own"}, Arguments: "keepalived", User: ownUser(), Timeout: time.Minute},
	}})
	if err != nil {
		t.Fatal(err)
	}
	event := notify.Event{Kind: notify.Master, Subject: aboutRouter("gw"), Priority: 100}
	if err := entries[0].Target.Tell(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(out); err != nil || string(text) != "own INSTANCE gw MASTER 100 master gw\n" {
		t.Errorf("%q, %v", text, err)
	}
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := entries[0].Target.Tell(t.Context(), event); err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Error(err)
	}
	if err := os.Remove(script); err != nil {
		t.Fatal(err)
	}
}

// A reader is really run, and has read all when perch has ended.
func TestNotifyRunsRealReaders(t *testing.T) {
	dir := t.TempDir()
	script, fifo, out := filepath.Join(dir, "read"), filepath.Join(dir, "fifo"), filepath.Join(dir, "out")
	body := "#!/bin/sh\necho begun as $# >>" + out + "\nexec cat \"$2\" >>" + out + "\n"
	if err := os.WriteFile(script, []byte(body), 0o755); err != nil {
		t.Fatal(err)
	}
	said := func() string {
		text, _ := os.ReadFile(out)
		return string(text)
	}
	cfg := &config.Config{Notify: []config.Notify{{On: []string{"master", "stop"}, FIFO: fifo, Reader: []string{script, "own"}, User: ownUser()}}}
	d := &daemon{log: slog.New(slog.DiscardHandler)}
	if err := d.openNotifier(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.notifier.Run(ctx) }()
	d.notifier.Tell(notify.Event{Kind: notify.Master, Subject: aboutRouter("gw"), Priority: 100})
	for begin := time.Now(); !strings.Contains(said(), "MASTER"); time.Sleep(time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatalf("the reader has %q", said())
		}
	}
	d.notifier.Tell(notify.Event{Kind: notify.Stop, Subject: aboutRouter("gw"), Priority: 100})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if want := "begun as 2\nINSTANCE \"gw\" MASTER 100\nINSTANCE \"gw\" STOP 100\n"; said() != want {
		t.Errorf("the reader has %q, want %q", said(), want)
	}
}

// What has become of events is counted by target.
func TestNotified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &config.Config{Services: []config.Service{hooked("a", "1h")}}
		d, _ := notified(t, cfg)
		for range 3 {
			d.tellService(&cfg.Services[0], ipvs.Event{Kind: ipvs.QuorumUp})
			synctest.Wait()
		}
		time.Sleep(40 * time.Second)
		want := []api.Notified{{
			Target: "quorum of a", Failed: 1, Dropped: 1, Error: context.DeadlineExceeded.Error(), Last: time.Now().Add(-10 * time.Second), Took: 30,
		}}
		if diff := cmp.Diff(want, d.notified()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute) // until all have ended
	})
}

// Of an entry to come only what it is about that is new counts while a reload goes on.
func TestNewcomers(t *testing.T) {
	old := &config.Config{VRRP: []config.VirtualRouter{{Name: "gw"}, {Name: "old"}}}
	fresh := &config.Config{VRRP: []config.VirtualRouter{{Name: "gw"}, {Name: "lan"}}, SyncGroups: []config.SyncGroup{{Name: "both"}}}
	lan, both := aboutRouter("lan"), aboutGroup("both")
	entries := []notify.Entry{
		{Key: "all"},
		{Key: "some", Subjects: []notify.Subject{aboutRouter("gw"), lan}},
		{Key: "known", Subjects: []notify.Subject{aboutRouter("gw"), aboutService("web")}},
	}
	got := newcomers(entries, old, fresh)
	if len(got) != 2 || !slices.Equal(got[0].Subjects, []notify.Subject{lan, both}) || !slices.Equal(got[1].Subjects, []notify.Subject{lan}) {
		t.Errorf("%+v", got)
	}
	if got := newcomers(entries, fresh, fresh); len(got) > 0 {
		t.Errorf("without anything new %+v", got)
	}
	if len(entries[1].Subjects) != 2 {
		t.Errorf("the entry itself has become %+v", entries[1])
	}
}
