package checker

import (
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// systemBus is a dbus-daemon of the test's own.
type systemBus struct {
	t       testing.TB
	dir     string
	address string
	args    []string // more of them
	daemon  *exec.Cmd
}

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>ADDRESS</listen>
  <auth>EXTERNAL</auth>
  <limit name="service_start_timeout">200</limit>
  <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy>
</busconfig>`

// newSystemBus starts one. What else the test needs must be made before, if it is to end
// after it.
func newSystemBus(t testing.TB) *systemBus {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("dbus-daemon is not installed, and CI must not skip")
		}
		t.Skip("dbus-daemon is not installed")
	}
	verifyNothingLeft(t)
	dir, err := os.MkdirTemp("", "bus") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &systemBus{t: t, dir: dir, address: "unix:path=" + filepath.Join(dir, "socket")}
	config := strings.ReplaceAll(busConfig, "ADDRESS", b.address)
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *systemBus) start() {
	b.t.Helper()
	args := append([]string{"--config-file=" + filepath.Join(b.dir, "config"), "--nofork", "--nopidfile"}, b.args...)
	b.daemon = exec.Command("dbus-daemon", args...)
	b.daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // also if the test is killed
	if err := b.daemon.Start(); err != nil {
		b.t.Fatal(err)
	}
	until(b.t, "the bus listens", func() bool {
		conn, err := openBus(b.t.Context(), b.address, nil)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (b *systemBus) stop() {
	if b.daemon == nil {
		return
	}
	_ = b.daemon.Process.Kill()
	_ = b.daemon.Wait()
	b.daemon = nil
	_ = os.Remove(filepath.Join(b.dir, "socket"))
}

// fakeSystemd answers for org.freedesktop.systemd1 on a bus.
type fakeSystemd struct {
	t          testing.TB
	conn       *busConn
	reading    sync.WaitGroup
	subscribed atomic.Int64
	asked      atomic.Int64 // calls of units

	mu    sync.Mutex
	units map[string]map[string]string // properties, by the path of the unit
}

// systemd starts one that has these units, which are active.
func (b *systemBus) systemd(active ...string) *fakeSystemd {
	b.t.Helper()
	f := &fakeSystemd{t: b.t, units: make(map[string]map[string]string)}
	for _, name := range active {
		f.units[unitPath(name)] = map[string]string{"LoadState": "loaded", "ActiveState": "active"}
	}
	var err error
	if f.conn, err = openBus(b.t.Context(), b.address, f.answer); err != nil {
		b.t.Fatal(err)
	}
	f.reading.Go(f.conn.Read)
	b.t.Cleanup(f.stop)
	f.call("Hello", busMessage{})
	f.call("RequestName", busMessage{signature: "su", body: f.body(func(w *busWriter) { w.String(systemdName); w.Uint32(0) })})
	return f
}

func (f *fakeSystemd) stop() { f.conn.Close(); f.reading.Wait() }

func (f *fakeSystemd) call(member string, m busMessage) {
	f.t.Helper()
	m.kind, m.destination, m.path, m.iface, m.member = busCall, busName, busPath, busIface, member
	if _, err := f.conn.call(f.t.Context(), m); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fakeSystemd) body(write func(*busWriter)) []byte {
	w := busWriter{order: binary.LittleEndian}
	write(&w)
	return w.b
}

// unitPath is the path of a unit, as systemd makes it of a name.
func unitPath(name string) string {
	return systemdPath + "/unit/" + strings.NewReplacer(".", "_2e", "-", "_2d", "@", "_40").Replace(name)
}

// set gives a unit properties, as "ActiveState=active", and tells whoever subscribed.
func (f *fakeSystemd) set(name string, properties ...string) {
	f.t.Helper()
	f.mu.Lock()
	values := map[string]string{"LoadState": "loaded"}
	for _, p := range properties {
		key, value, _ := strings.Cut(p, "=")
		values[key] = value
	}
	f.units[unitPath(name)] = values
	f.mu.Unlock()
	err := f.conn.send(f.t.Context(), busMessage{
		kind: busSignal, serial: 1 << 20, path: unitPath(name), iface: propertiesFace, member: changedSignal,
		signature: "sa{sv}as",
		body:      f.body(func(w *busWriter) { w.String(unitIface); w.Uint32(0); w.align(8); w.Uint32(0) }),
	})
	if err != nil {
		f.t.Error(err)
	}
}

// answer answers a call.
func (f *fakeSystemd) answer(_ *busConn, m busMessage) {
	if m.kind != busCall {
		return
	}
	reply := busMessage{kind: busReturn, serial: 1 << 20, replySerial: m.serial, destination: m.sender}
	r := busReader{b: m.body, order: m.order()}
	switch m.member {
	case "Subscribe":
		f.subscribed.Add(1)
	case "ListUnitsByNames":
		f.asked.Add(1)
		r.Uint32() // the length of the list
		reply.signature, reply.body = "a(ssssssouso)", f.list(r.String())
	case "Get":
		f.asked.Add(1)
		f.get(&reply, m.path, r.String(), r.String())
	}
	_ = f.conn.send(f.t.Context(), reply)
}

// list is the list of one unit.
func (f *fakeSystemd) list(name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := unitPath(name)
	values, known := f.units[path]
	if !known {
		values = map[string]string{"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead"}
	}
	entry := func(w *busWriter) {
		w.align(8)
		for _, text := range []string{
			name, "Unit " + name, values["LoadState"], values["ActiveState"], values["SubState"], "", path,
		} {
			w.String(text)
		}
		w.Uint32(0) // no job
		w.String("")
		w.String("/")
	}
	return f.body(func(w *busWriter) {
		w.Uint32(0)
		entry(w)
		binary.LittleEndian.PutUint32(w.b, uint32(len(w.b)-8)) // without what aligns the first
	})
}

func (f *fakeSystemd) get(reply *busMessage, path, iface, property string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	value, known := f.units[path][property]
	if property == "Result" && iface != systemdName+".Service" {
		known = false
	}
	if !known {
		reply.kind, reply.errorName, reply.signature = busError, "org.freedesktop.DBus.Error.UnknownProperty", "s"
		reply.body = f.body(func(w *busWriter) { w.String("no such property") })
		return
	}
	reply.signature, reply.body = "v", f.body(func(w *busWriter) { w.Signature("s"); w.String(value) })
}

// runningHost is a Host whose bus is at an address.
func runningHost(t testing.TB, address string) *Host {
	t.Helper()
	h := testHost()
	h.bus = newBus(address)
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { h.bus.Run(ctx) })
	t.Cleanup(func() { cancel(); run.Wait() })
	return h
}

func unit(name string) Spec { return Spec{Kind: "unit", Target: name} }

func TestUnitReasons(t *testing.T) {
	b := newSystemBus(t)
	systemd := b.systemd()
	h := runningHost(t, b.address)
	for _, c := range []struct{ properties, want string }{
		{"ActiveState=active", ""},
		{"ActiveState=reloading", ""},
		{"ActiveState=refreshing", ""},
		{"ActiveState=activating SubState=auto-restart", "unit haproxy.service is activating (auto-restart)"},
		{"ActiveState=inactive SubState=dead", "unit haproxy.service is inactive (dead)"},
		{"ActiveState=deactivating SubState=stop-sigterm", "unit haproxy.service is deactivating (stop-sigterm)"},
		{"ActiveState=failed SubState=failed Result=exit-code", "unit haproxy.service is failed (result: exit-code)"},
		{"ActiveState=failed", "unit haproxy.service is failed"},
		{"ActiveState=inactive LoadState=not-found", "unit haproxy.service is not loaded (not-found)"},
		{"ActiveState=inactive LoadState=masked", "unit haproxy.service is not loaded (masked)"},
		{"ActiveState=a\nb SubState=c", `unit haproxy.service is a\nb (c)`},
		{"ActiveState=failed SubState=failed Result=success", "unit haproxy.service is failed"},
	} {
		systemd.set("haproxy.service", strings.Split(c.properties, " ")...)
		wantReason(t, made(t, h, unit("haproxy.service")), enough, c.want)
	}
}

// Each call about a unit that is in no use lets systemd read it from the disk, and what it
// says in several calls is of several moments.
func TestUnitIsAskedForOnce(t *testing.T) {
	b := newSystemBus(t)
	systemd := b.systemd()
	c := made(t, runningHost(t, b.address), unit("x.service"))
	for _, want := range []struct {
		properties []string
		reason     string
		calls      int64
	}{
		{[]string{"ActiveState=active"}, "", 1},
		{[]string{"ActiveState=inactive", "SubState=dead"}, "unit x.service is inactive (dead)", 1},
		{[]string{"ActiveState=inactive", "LoadState=not-found"}, "unit x.service is not loaded (not-found)", 1},
		{[]string{"ActiveState=failed", "Result=signal"}, "unit x.service is failed (result: signal)", 2},
	} {
		systemd.set("x.service", want.properties...)
		before := systemd.asked.Load()
		wantReason(t, c, enough, want.reason)
		if calls := systemd.asked.Load() - before; calls != want.calls {
			t.Errorf("%v: %d calls, want %d", want.properties, calls, want.calls)
		}
	}
}

func TestUnitOfAnotherType(t *testing.T) {
	b := newSystemBus(t)
	b.systemd().set("data.mount", "ActiveState=failed", "Result=timeout")
	wantReason(t, made(t, runningHost(t, b.address), unit("data.mount")), enough, "unit data.mount is failed")
}

func TestUnitsThatCannotBe(t *testing.T) {
	for _, name := range []string{
		"", "haproxy", "haproxy.", ".service", "a b.service", "a/b.service", "getty@.service", "@tty1.service", strings.Repeat("x", 250) + ".service",
	} {
		if _, err := testHost().New(unit(name)); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	for _, name := range []string{"getty@tty1.service", `a@b-c\x2dd.service`, "a@b@.service", "-.mount", "-.slice"} {
		if _, err := testHost().New(unit(name)); err != nil {
			t.Errorf("%q is not taken: %v", name, err)
		}
	}
}

func TestUnitWithoutSystemd(t *testing.T) {
	b := newSystemBus(t)
	got := reasonOf(t, made(t, runningHost(t, b.address), unit("x.service")), soon)
	want := "ask systemd for unit x.service: The name org.freedesktop.systemd1 was not provided by any .service files"
	if got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestUnitWithoutBus(t *testing.T) {
	verifyNothingLeft(t)
	c := made(t, runningHost(t, "unix:path="+filepath.Join(t.TempDir(), "none")), unit("x.service"))
	wantReason(t, c, soon, "no system bus: no such file or directory")
	c = made(t, runningHost(t, "tcp:host=localhost"), unit("x.service"))
	wantReason(t, c, soon, `no system bus: "tcp:host=localhost" names no unix socket of a bus`)
}

func TestUnitOnFrozenBus(t *testing.T) {
	b := newSystemBus(t)
	b.systemd().set("x.service", "ActiveState=active")
	c := made(t, runningHost(t, b.address), unit("x.service"))
	wantReason(t, c, enough, "")
	b.signal("STOP")
	wantReason(t, c, soon, "the system bus does not answer within 100ms")
	b.signal("CONT")
	wantReason(t, c, enough, "")
}

func TestUnitOnBusThatIsFrozenFromTheBegin(t *testing.T) {
	b := newSystemBus(t)
	b.systemd().set("x.service", "ActiveState=active")
	b.signal("STOP")
	c := made(t, runningHost(t, b.address), unit("x.service"))
	wantReason(t, c, soon, "the system bus does not answer within 100ms")
	b.signal("CONT")
	wantReason(t, c, enough, "")
}

func (b *systemBus) signal(name string) {
	b.t.Helper()
	signals := map[string]os.Signal{"STOP": stopSignal, "CONT": continueSignal}
	if err := b.daemon.Process.Signal(signals[name]); err != nil {
		b.t.Fatal(err)
	}
}

func TestUnitWhoseBusGoesAndComesBack(t *testing.T) {
	b := newSystemBus(t)
	b.systemd().set("x.service", "ActiveState=active")
	h := runningHost(t, b.address)
	told, c := watchUnit(t, h, "x.service")
	wantReason(t, c, enough, "")
	before := told.Load()
	b.stop()
	until(t, "told that the bus is gone", func() bool { return told.Load() > before })
	if got := reasonOf(t, c, soon); !strings.HasPrefix(got, "no system bus: ") {
		t.Errorf("reason %q", got)
	}
	b.start()
	b.systemd().set("x.service", "ActiveState=active")
	wantReason(t, c, enough, "")
}

// While systemd or its bus is started anew nothing is known of a unit: the look goes on.
func TestUnitIsAskedForUntilSomebodyAnswers(t *testing.T) {
	b := newSystemBus(t)
	c := made(t, runningHost(t, b.address), unit("x.service"))
	for name, comes := range map[string]func(){
		"systemd": func() {},
		"the bus": func() { b.stop(); time.Sleep(3 * askAgain); b.start() },
	} {
		t.Run(name, func(t *testing.T) {
			var systemd *fakeSystemd
			wantReasonAfter(t, c, "", func() {
				comes()
				time.Sleep(3 * askAgain)
				systemd = b.systemd("x.service")
			})
			systemd.stop()
		})
	}
}

// A bus as systemd starts it holds what systemd is asked until that has come, but not for
// ever.
func TestUnitOnBusThatWaitsForSystemd(t *testing.T) {
	b := newSystemBus(t)
	b.stop()
	b.args = []string{"--systemd-activation"}
	b.start()
	c := made(t, runningHost(t, b.address), unit("x.service"))
	wantReasonAfter(t, c, "", func() {
		time.Sleep(500 * time.Millisecond) // longer than it is held twice
		b.systemd("x.service")
	})
}

// An attempt to connect that takes too long is not the end of a look.
func TestUnitWhileAttemptsToConnectEnd(t *testing.T) {
	b := newSystemBus(t)
	h := runningHost(t, b.address)
	h.bus.patience = 50 * time.Millisecond
	c := made(t, h, unit("x.service"))
	b.systemd("x.service")
	b.signal("STOP")
	wantReasonAfter(t, c, "", func() {
		time.Sleep(4 * h.bus.patience)
		b.signal("CONT")
	})
}

// wantReasonAfter looks once while something happens.
func wantReasonAfter(t *testing.T, c Checker, want string, happens func()) {
	t.Helper()
	answered := make(chan string, 1)
	var look sync.WaitGroup
	look.Go(func() { answered <- reasonOf(t, c, enough) })
	happens()
	look.Wait()
	if reason := <-answered; reason != want {
		t.Errorf("reason %q, want %q", reason, want)
	}
}

// watchUnit watches a unit and counts what is told.
func watchUnit(t testing.TB, h *Host, name string) (*atomic.Int64, Checker) {
	t.Helper()
	c := made(t, h, unit(name))
	var told atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { _ = c.(Watcher).Watch(ctx, func() { told.Add(1) }) })
	t.Cleanup(func() { cancel(); watching.Wait() })
	until(t, "listens", func() bool { return h.bus.units.count() > 0 })
	return &told, c
}

func TestUnitChangesAreNoticed(t *testing.T) {
	b := newSystemBus(t)
	systemd := b.systemd()
	systemd.set("x.service", "ActiveState=active")
	told, c := watchUnit(t, runningHost(t, b.address), "x.service")
	wantReason(t, c, enough, "")
	if systemd.subscribed.Load() != 1 {
		t.Errorf("subscribed %d times", systemd.subscribed.Load())
	}
	systemd.set("y.service", "ActiveState=failed")
	systemd.set("x.service", "ActiveState=failed", "Result=signal")
	until(t, "told", func() bool { return told.Load() == 1 })
	wantReason(t, c, enough, "unit x.service is failed (result: signal)")
	if got := told.Load(); got != 1 {
		t.Errorf("told %d times of one change, or of another unit", got)
	}
}

func TestSystemdThatIsAnother(t *testing.T) {
	b := newSystemBus(t)
	systemd := b.systemd()
	systemd.set("x.service", "ActiveState=active")
	told, c := watchUnit(t, runningHost(t, b.address), "x.service")
	wantReason(t, c, enough, "")
	systemd.stop()
	until(t, "told that systemd is gone", func() bool { return told.Load() == 1 })
	again := b.systemd()
	again.set("x.service", "ActiveState=active")
	until(t, "well again", func() bool { return reasonOf(t, c, time.Second) == "" })
	if again.subscribed.Load() != 1 {
		t.Error("not subscribed with the new systemd")
	}
	before := told.Load()
	again.set("x.service", "ActiveState=failed")
	until(t, "told by the new systemd", func() bool { return told.Load() > before })
}

func TestUnitsAtOnce(t *testing.T) {
	b := newSystemBus(t)
	systemd := b.systemd()
	systemd.set("x.service", "ActiveState=active")
	systemd.set("y.service", "ActiveState=failed", "Result=timeout")
	h := runningHost(t, b.address)
	x, y := made(t, h, unit("x.service")), made(t, h, unit("y.service"))
	var looks sync.WaitGroup
	for range 100 {
		looks.Go(func() { wantReason(t, x, enough, "") })
		looks.Go(func() { wantReason(t, y, enough, "unit y.service is failed (result: timeout)") })
	}
	looks.Wait()
	conn, err := h.bus.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.mu.Lock()
	defer conn.mu.Unlock()
	if len(conn.pending) != 0 {
		t.Errorf("%d calls are waited for still", len(conn.pending))
	}
}
