//go:build ipvs

package ipvs

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tableServices = 1000
	tableServers  = 10 // of each
)

// figures are how long things took.
type figures map[string]time.Duration

func (f figures) time(name string, do func()) {
	begin := time.Now()
	do()
	f[name] = time.Since(begin)
}

// timeFree is time, of what needs not be done by the thread that is in the namespace, which
// Go changes to and from slowly; a socket stays where it was opened.
func (f figures) timeFree(name string, do func()) {
	f.time(name, func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			do()
		}()
		<-done
	})
}

// TestFigures measures how long a large table takes, by several ways. It prints a line
// for each: "figure", its name, and seconds.
func TestFigures(t *testing.T) {
	l := newKernelLab(t)
	table := largeTable()
	l.add(table[0]) // loads the modules
	saved := l.saved(table)
	f := figures{}
	l.afresh(func(l *kernelLab) { l.perch(f, table) })
	l.afresh(func(l *kernelLab) { f.time("ipvsadm-restore", func() { l.restore(saved) }) })
	l.afresh(func(l *kernelLab) { f.time("library-add", func() { l.addByLibrary(table) }) })
	l.afresh(func(l *kernelLab) { l.keepalived(f, table) })
	for name, took := range f {
		t.Logf("figure %s %.6f", name, took.Seconds())
	}
}

// afresh calls do in a network namespace of its own, as the kernel keeps servers that were
// removed for 2 minutes, and looks through all of them whenever one is added. Until the
// end of the test the namespace stays, as its end takes the kernel time.
func (l *kernelLab) afresh(do func(*kernelLab)) {
	l.t.Run("afresh", func(t *testing.T) {
		runtime.LockOSThread() // for good: the thread ends with this
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Fatal(err)
		}
		namespace, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			t.Fatal(err)
		}
		l.t.Cleanup(func() { _ = namespace.Close() })
		runKernel(t, "ip", "link", "set", "lo", "up") // without which no address is taken for a server's
		k, err := openKernel()
		if err != nil {
			t.Fatal(err)
		}
		lab := &kernelLab{t: t, linux: k.(*linux)}
		do(lab)
		lab.ipvsadm("-C") // or the kernel goes on estimating rates
		if err := k.close(); err != nil {
			t.Error(err)
		}
	})
}

func (l *kernelLab) perch(f figures, table []Service) {
	var steps []step
	for _, s := range table {
		steps = append(steps, stepsToAdd(s)...)
	}
	f.timeFree("perch-encode", func() {
		for _, s := range steps {
			encodeStep(s)
		}
	})
	f.timeFree("perch-add", func() { l.do(steps...) })
	f.time("ipvsadm-save", func() { l.ipvsadm("-Sn") })
	f.timeFree("perch-survey", func() {
		if _, err := l.survey(); err != nil {
			l.t.Error(err)
		}
	})
	f.timeFree("perch-review", func() {
		have, err := l.survey()
		if err != nil {
			l.t.Error(err)
		}
		if p := (intent{want: table, all: true}).plan(have); len(p.steps) > 0 {
			l.t.Errorf("%d steps are needed, want none", len(p.steps))
		}
	})
	f.timeFree("perch-counters", func() {
		if _, err := l.counters(); err != nil {
			l.t.Error(err)
		}
	})
	weight := step{verb: editServer, Key: table[500].Key, Server: table[500].Servers[5]}
	weight.Server.Weight = 9
	f.timeFree("perch-weight", func() { l.do(weight) })
	table[500].Servers[5].Weight = 9
	l.has(table...)
	table[500].Servers[5].Weight = 1
}

// saved returns what ipvsadm saves of the table.
func (l *kernelLab) saved(table []Service) (saved string) {
	l.afresh(func(l *kernelLab) {
		l.add(table...)
		saved = l.ipvsadm("-Sn")
	})
	return saved
}

func largeTable() []Service {
	table := make([]Service, tableServices)
	for i := range table {
		vip := netip.AddrFrom4([4]byte{198, 18, byte(i / 250), byte(1 + i%250)})
		table[i] = Service{Key: KeyOf(TCP, netip.AddrPortFrom(vip, 80)), Balancing: Balancing{Scheduler: "wrr"}}
		for j := range tableServers {
			address := netip.AddrFrom4([4]byte{10, byte(i / 250), byte(1 + i%250), byte(1 + j)})
			server := Server{Address: netip.AddrPortFrom(address, 80), Weight: 1, Route: Route{Forward: Direct}}
			table[i].Servers = append(table[i].Servers, server)
		}
	}
	return table
}

func (l *kernelLab) restore(saved string) {
	cmd := exec.Command("ipvsadm", "-R")
	cmd.Stdin = strings.NewReader(saved)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Errorf("ipvsadm -R: %v\n%s", err, out)
	}
}

func (l *kernelLab) addByLibrary(table []Service) {
	for _, s := range table {
		service := toService(s.Key, s.Balancing)
		if err := l.library.CreateService(service); err != nil {
			l.t.Fatal(err)
		}
		for _, server := range s.Servers {
			if err := l.library.CreateDestination(service, toServer(server)); err != nil {
				l.t.Fatal(err)
			}
		}
	}
}

// keepalived measures from its start to its last server.
func (l *kernelLab) keepalived(f figures, table []Service) {
	dir := l.t.TempDir()
	file := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(file, []byte(keepalivedTable(table)), 0o600); err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command("keepalived", "-n", "-l", "-G", "-C", "-f", file, "-p", filepath.Join(dir, "pid"), "-c", filepath.Join(dir, "checkers"))
	f.time("keepalived-start", func() {
		if err := cmd.Start(); err != nil {
			l.t.Fatal(err)
		}
		l.awaitServers(table[len(table)-1])
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		l.t.Error(err)
	}
	_ = cmd.Wait() // it takes its table away
}

func (l *kernelLab) awaitServers(want Service) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		servers, err := l.library.Destinations(toService(want.Key, want.Balancing))
		if orNone(err) != nil {
			l.t.Fatal(err)
		}
		if len(servers) == len(want.Servers) {
			return
		}
	}
	l.t.Fatalf("%s has no servers", want.Key)
}

func keepalivedTable(table []Service) string {
	var b strings.Builder
	for _, s := range table {
		fmt.Fprintf(&b, "virtual_server %s %d {\nlb_algo wrr\nlb_kind DR\nprotocol TCP\n", s.Address.Addr(), s.Address.Port())
		for _, server := range s.Servers {
			fmt.Fprintf(&b, "real_server %s %d {\nweight 1\n}\n", server.Address.Addr(), server.Address.Port())
		}
		b.WriteString("}\n")
	}
	return b.String()
}
