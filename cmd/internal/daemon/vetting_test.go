package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
)

// vetted is a program that others can change or not.
type vetted struct{ loose atomic.Bool }

func (v *vetted) Vet() error {
	if v.loose.Load() {
		return errors.New("/bin/tell is writable by others (mode 0777): refused because it would run as root")
	}
	return nil
}

func (*vetted) Run(context.Context, []string, []string) error                { return nil }
func (*vetted) Keep(context.Context, time.Duration, []string) error          { return nil }
func (*vetted) Ask(context.Context, time.Duration, []string, []string) error { return nil }

// A program that root would not run is a warning from before it is needed until it is mended.
func TestVetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		v, program := newVetting(slog.New(slog.DiscardHandler)), &vetted{}
		program.loose.Store(true)
		v.set([]suspect{{"notify /bin/tell", program}, {"notify /bin/tell", program}})
		ended := make(chan error)
		go func() { ended <- v.run(ctx) }()
		want := "notify /bin/tell is not run: /bin/tell is writable by others (mode 0777): refused because it would run as root; " +
			"give it to root (chown root), take the right to write from others (chmod go-w), or have another user run it"
		if got := v.found(); !slices.Equal(got, []string{want}) {
			t.Errorf("%q, want %q", got, want)
		}
		program.loose.Store(false)
		time.Sleep(vetEvery)
		synctest.Wait()
		if got := v.warnings(); len(got) != 0 {
			t.Errorf("mended, and %q", got)
		}
		program.loose.Store(true)
		v.set([]suspect{{"reader of /run/f", program}})
		if got := v.found(); len(got) != 1 || !strings.HasPrefix(got[0], "reader of /run/f is not run") {
			t.Errorf("after a reload: %q", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// hangingDisk is a program on a disk that hangs.
type hangingDisk chan struct{}

func (h hangingDisk) Vet() error { <-h; return errors.New("too late") }

// A disk that hangs keeps neither a reload, nor who asks for the status, nor the end.
func TestVettingThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		v, hangs := newVetting(slog.New(slog.DiscardHandler)), make(hangingDisk)
		v.set([]suspect{{"converge hook /net/claim", hangs}})
		ended := make(chan error)
		go func() { ended <- v.run(ctx) }()
		begin := time.Now()
		if got := v.found(); len(got) != 0 || time.Since(begin) != vetLimit {
			t.Errorf("%q after %v", got, time.Since(begin))
		}
		if got := v.warnings(); len(got) != 0 {
			t.Errorf("%q", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		v.set(nil)
		close(hangs)
		synctest.Wait()
		if got := v.warnings(); len(got) != 0 {
			t.Errorf("of a program that is no more: %q", got)
		}
	})
}

// Whatever is run for what happens is looked at: each once.
func TestSuspectsOfConfig(t *testing.T) {
	cfg := &config.Config{
		Cluster: &config.Cluster{Name: "edge"},
		VRRP:    []config.VirtualRouter{{Name: "gw"}, {Name: "lan"}},
		Node:    config.Node{StartProgram: []string{"/bin/begin"}, StopProgram: []string{"/bin/end"}},
		Services: []config.Service{
			{Name: "web", QuorumUp: []string{"/bin/up"}, QuorumDown: []string{"/bin/down"}},
		},
		Notify: []config.Notify{
			{Exec: []string{"/bin/tell"}, On: []string{"master"}, Timeout: time.Second},
			{FIFO: "/run/f", Reader: []string{"/bin/read"}, On: []string{"master"}},
			{Converge: []string{"/bin/claim"}, Timeout: time.Second},
		},
	}
	d := hookDaemon(cfg)
	d.targets.program = func([]string, string) (notify.Runner, error) { return &vetted{}, nil }
	d.targets.keeper = func([]string, string) (notify.Keeper, error) { return &vetted{}, nil }
	d.targets.asker = func([]string, string) (notify.Asker, error) { return &vetted{}, nil }
	entries, err := d.targets.entriesOf(cfg)
	programs, programsErr := d.targets.nodeProgramsOf(&cfg.Node)
	hooks, hooksErr := d.hooksOf(cfg)
	if err := errors.Join(err, programsErr, hooksErr); err != nil {
		t.Fatal(err)
	}
	var uses []string
	for _, s := range suspectsOf(entries, hooks, &programs) {
		uses = append(uses, s.use)
	}
	want := []string{"start_program", "stop_program", "notify /bin/tell", "reader of /run/f", "quorum of web", "quorum of web", "converge hook /bin/claim"}
	if !slices.Equal(uses, want) {
		t.Errorf("%q, want %q", uses, want)
	}
}

// A reload tells whoever asks for it, and the status everybody, until the program is mended.
func TestReloadNamesProgramsThatWouldNotBeRun(t *testing.T) {
	needRoot(t) // who alone refuses programs
	r := newReloadable(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.vetting.run(ctx) }()
	defer func() { cancel(); <-ended }()
	text, err := os.ReadFile(r.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	program := r.path("tell")
	r.write(t, "tell", "#!/bin/sh\n", 0o777)
	r.write(t, "perch.toml", string(text)+"[[notify]]\non = [\"owner\"]\nuser = \"root\"\nexec = [\""+program+"\"]\n", 0o600)
	result, err := r.reload()
	if err != nil || len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], filepath.Base(program)+" is not run: ") {
		t.Errorf("%v, warnings %q", err, result.Warnings)
	}
	if got := (snapshot{config: r.config(), unrun: r.vetting.warnings()}).alone().Warnings; len(got) != 1 {
		t.Errorf("status warns %q", got)
	}
}
