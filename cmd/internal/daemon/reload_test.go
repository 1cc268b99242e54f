package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/clock"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/vip"
)

// reloadable is a daemon that can do nothing but reload.
type reloadable struct {
	*daemon
	kernel *fakeKernel
	dir    string
	listen string // of its config
	called string // what is in node.listen_names, likewise
}

// newReloadable returns one that was started with a secret.
func newReloadable(t *testing.T) *reloadable {
	t.Helper()
	r := &reloadable{kernel: &fakeKernel{}, dir: t.TempDir()}
	r.write(t, "secret", strings.Repeat("a", 32), 0o600)
	r.writeConfig(t, "secret", "normal")
	quiet := slog.New(slog.DiscardHandler)
	cfg, _, err := config.Load(r.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	r.daemon = &daemon{
		events:  events.New("lb1"),
		opts:    Options{Config: File(r.path("perch.toml"))},
		log:     quiet,
		level:   new(slog.LevelVar),
		systemd: &systemd{log: quiet},
		member: &member{
			holder:   newHolder(newFakeCluster(), &fakeFence{}, func() situation { return situation{} }, quiet),
			teller:   &teller{},
			overseer: &overseer{poke: make(chan struct{}, 1)},
			clock:    clock.New(clock.Options{View: func() clock.View { return clock.View{} }}),
		},
	}
	if r.checks, err = openChecks(nil, quiet); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.openNotifier(cfg), r.openBalancer(cfg)); err != nil {
		t.Fatal(err)
	}
	r.openMetrics(cfg)
	r.member.holder.vips, r.kernel.allowed = r.kernel, r.member.holder.allowed
	r.current.Store(&loaded{config: cfg})
	if _, r.read, err = readCredentials(cfg.Cluster, cfg.Node.Name); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reloadable) path(name string) string { return filepath.Join(r.dir, name) }

func (r *reloadable) write(t *testing.T, name, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(r.path(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(r.path(name), mode); err != nil {
		t.Fatal(err)
	}
}

func (r *reloadable) writeConfig(t *testing.T, secret, failover string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "node.listen_names = [%s]\n", r.called)
	fmt.Fprintf(&b, "node.name = \"lb1\"\nnode.data_dir = %q\nnode.listen = %q\n[cluster]\nname = \"edge\"\nsecret_file = %q\nfailover = %q\n", r.path("data"), r.listen, r.path(secret), failover)
	for i := range 3 {
		fmt.Fprintf(&b, "[[cluster.peer]]\nname = \"lb%d\"\naddress = \"198.18.0.%d:7400\"\n", i+1, i+1)
	}
	b.WriteString("[[vip]]\naddress = \"198.18.0.100/24\"\ninterface = \"eth0\"\n")
	r.write(t, "perch.toml", b.String(), 0o600)
}

func TestReloadNamesASecretThatHasChanged(t *testing.T) {
	r := newReloadable(t)
	reload := func() []string {
		t.Helper()
		res, err := r.reload()
		if err != nil {
			t.Fatal(err)
		}
		return res.Warnings
	}
	if got := reload(); len(got) != 0 {
		t.Errorf("warnings %q, although nothing has changed", got)
	}
	r.write(t, "secret", strings.Repeat("a", 32)+"\n", 0o640)
	if got := reload(); len(got) != 0 {
		t.Errorf("warnings %q about white space", got)
	}
	want := []string{"cluster.secret_file's contents have changed and take effect at the next start"}
	r.write(t, "secret", strings.Repeat("b", 32), 0o600)
	for range 2 { // it is still so
		if got := reload(); !slices.Equal(got, want) || !slices.Equal(r.current.Load().warnings, want) {
			t.Errorf("warnings %q, want %q", got, want)
		}
	}
	r.write(t, "secret", strings.Repeat("a", 32), 0o600)
	if got := reload(); len(got) != 0 {
		t.Errorf("warnings %q, although the secret is the old one again", got)
	}
	r.write(t, "other", strings.Repeat("b", 32), 0o600)
	r.writeConfig(t, "other", "fast")
	want = []string{
		"cluster.heartbeat or cluster.failover has changed and takes effect at the next start; all nodes must have the same one",
		"cluster's secret_file, tls_* or insecure has changed and takes effect at the next start",
	}
	if got := reload(); !slices.Equal(got, want) {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

// A misspelt interface is told to whoever reloads, on whichever node.
func TestReloadNamesAVIPThatCannotBeHeld(t *testing.T) {
	r := newReloadable(t)
	r.kernel.status = []vip.Status{{VIP: testV, Reason: "interface eth0 does not exist"}}
	res, err := r.reload()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"VIP 198.18.0.100/24 cannot be held: interface eth0 does not exist"}; !slices.Equal(res.Warnings, want) {
		t.Errorf("warnings %q, want %q", res.Warnings, want)
	}
}

// A reload that lets a mistake pass would leave a daemon that cannot be restarted.
func TestReloadRefusesASecretThatTheNextStartWould(t *testing.T) {
	good := strings.Repeat("a", 32)
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, r *reloadable)
		want  string
	}{
		"too open": {func(t *testing.T, r *reloadable) { r.write(t, "secret", good, 0o644) }, "its mode is 0644"},
		"short":    {func(t *testing.T, r *reloadable) { r.write(t, "secret", "short", 0o600) }, "5 bytes, at least 32 are needed"},
		"gone":     {func(t *testing.T, r *reloadable) { r.writeConfig(t, "nowhere", "normal") }, "no such file or directory"},
		"a FIFO": {func(t *testing.T, r *reloadable) {
			if err := unix.Mkfifo(r.path("fifo"), 0o600); err != nil {
				t.Fatal(err)
			}
			r.writeConfig(t, "fifo", "normal")
		}, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReloadable(t)
			before := r.current.Load()
			tt.spoil(t, r)
			_, err := r.reload()
			if !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), good) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if r.current.Load() != before || r.kernel.configured != nil {
				t.Error("something has changed")
			}
		})
	}
}

func TestReloadThatThePartsRefuseChangesNothing(t *testing.T) {
	for _, refused := range []error{vip.ErrLedger, vip.ErrInvalid} {
		r := newReloadable(t)
		before := r.current.Load()
		r.kernel.ledger = refused
		if _, err := r.reload(); !errors.Is(err, refused) || r.current.Load() != before {
			t.Errorf("reload: %v, want %v and nothing changed", err, refused)
		}
	}
}

// A warning about a keepalived.conf has no column, and so is told without one.
func TestWarningsAreTold(t *testing.T) {
	got := texts([]config.Warning{{File: "perch.toml", Line: 3, Col: 5, Text: "odd"}, {File: "keepalived.conf", Line: 3, Text: "odd"}})
	if want := []string{"perch.toml:3:5: odd", "keepalived.conf:3: odd"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// A reload has another program run at the end, and refuses one that could not be run.
func TestReloadOfTheProgramOfTheEnd(t *testing.T) {
	r := newReloadable(t)
	add := func(lines string) {
		r.writeConfig(t, "secret", "normal")
		text, err := os.ReadFile(r.path("perch.toml"))
		if err != nil {
			t.Fatal(err)
		}
		r.write(t, "perch.toml", lines+string(text), 0o600)
	}
	add("node.start_program = [\"/bin/false\"]\nnode.stop_program = [\"/bin/true\"]\n")
	if res, err := r.reload(); err != nil || len(res.Warnings) != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	if got := r.programs.Load().stop.argv; !slices.Equal(got, []string{"/bin/true"}) {
		t.Errorf("at the end %q is run", got)
	}
	add("node.stop_program = [\"/bin/other\"]\nnode.program_user = \"no-such-user\"\n")
	want := "node.stop_program: user \"no-such-user\": not known on this machine"
	if _, err := r.reload(); !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if got := r.programs.Load().stop.argv; !slices.Equal(got, []string{"/bin/true"}) {
		t.Errorf("after a reload that was refused %q is run", got)
	}
}

// pipe is a FIFO that a test reads.
type pipe struct {
	path string
	fd   int
	said string
}

func newPipe(t *testing.T, path string) *pipe {
	t.Helper()
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return &pipe{path: path, fd: fd}
}

// all returns what was written so far.
func (p *pipe) all() string {
	b := make([]byte, 1<<16)
	if n, err := unix.Read(p.fd, b); err == nil {
		p.said += string(b[:n])
	}
	return p.said
}

// want waits until all of it is there.
func (p *pipe) want(t *testing.T, when, want string) {
	t.Helper()
	for begin := time.Now(); len(p.all()) < len(want) && time.Since(begin) < time.Minute; {
		time.Sleep(time.Millisecond)
	}
	if p.said != want {
		t.Fatalf("%s the fifo has %q, want %q", when, p.said, want)
	}
}

// A reload has states written again where its config wants that, unless it is refused.
func TestReloadTellsOfStatesAgain(t *testing.T) {
	r := newReloadable(t)
	p := newPipe(t, r.path("fifo"))
	reload := func(line string) error {
		t.Helper()
		r.writeConfig(t, "secret", "normal")
		text, err := os.ReadFile(r.path("perch.toml"))
		if err != nil {
			t.Fatal(err)
		}
		entry := fmt.Sprintf("[[notify]]\non = [\"owner\", \"standby\"]\nfifo = %q\n%s\n", p.path, line)
		r.write(t, "perch.toml", string(text)+entry, 0o600)
		_, err = r.reload()
		return err
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.notifier.Run(ctx) }()
	const wanted, line = "states_on_reload = true", "INSTANCE \"edge\" BACKUP 100\n"
	if err := errors.Join(reload(wanted), reload("")); err != nil {
		t.Error(err)
	}
	r.tellOwnership()
	p.want(t, "at first", line)
	if err := errors.Join(reload(""), reload(wanted)); err != nil {
		t.Error(err)
	}
	p.want(t, "after a reload", line+line)
	if reload("wrong = true") == nil {
		t.Error("a wrong config is taken")
	}
	if told := r.notified(); len(told) != 1 || told[0].Told != 1 {
		t.Errorf("counted %+v", told)
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	p.want(t, "in the end", line+line)
}

// A reload is recorded, and so is one that is refused, with its first mistake.
func TestReloadsAreRecorded(t *testing.T) {
	r := newReloadable(t)
	r.write(t, "perch.toml", "[node]\nname = 7\nnaem = 8\n", 0o600)
	_, err := r.reload()
	list := r.events.After(events.ID{})
	if len(list) != 1 || list[0].Kind != events.ConfigRefused || err == nil || !strings.HasPrefix(err.Error(), list[0].Error+"\n") {
		t.Errorf("%+v of %v", list, err)
	}
}
