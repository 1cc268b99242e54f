package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// watcher is a program that checks the web server of its host by HTTP, each time by a
// connection of its own.
type watcher struct {
	name  string
	start func(tb testing.TB, h *lab.Host, dir string, l load) *lab.Daemon
}

// load is what a watcher has to do.
type load struct {
	checks   int
	interval time.Duration
	cpus     string // that it may use, as taskset(1) wants it
}

// watchers are perch and what it is compared with, in this order.
var watchers = [2]watcher{{"perch", watchByPerch}, {"HAProxy", watchByHAProxy}}

func watchByPerch(tb testing.TB, h *lab.Host, dir string, l load) *lab.Daemon {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "[node]\nname = %q\ndata_dir = %q\nsocket = %q\n", h.Name, filepath.Join(dir, "data"), filepath.Join(dir, "perch.sock"))
	b.WriteString(router("gw", 51, 100, "198.18.0.100/24"))
	for i := range l.checks {
		fmt.Fprintf(&b, "\n[[check]]\nname = \"web%d\"\nkind = \"http\"\ntarget = \"http://127.0.0.1:8080/\"\ninterval = %q\ntimeout = \"10s\"\n", i, l.interval)
	}
	path := filepath.Join(dir, "perch.toml")
	must(tb, os.MkdirAll(dir, 0o700))
	must(tb, os.WriteFile(path, []byte(b.String()), 0o600))
	d := lab.NewDaemon("perch", h, dir, "taskset", "-c", l.cpus, perchBinary(tb), "serve", "-c", path)
	must(tb, d.Start())
	return d
}

func watchByHAProxy(tb testing.TB, h *lab.Host, dir string, l load) *lab.Daemon {
	tb.Helper()
	var b strings.Builder
	b.WriteString("global\n nbthread 1\n maxconn 100\n" +
		"defaults\n mode http\n timeout client 10s\n timeout connect 10s\n timeout server 10s\n" +
		"listen web\n bind 127.0.0.1:8081\n option httpchk\n http-check send meth GET uri / ver HTTP/1.1 hdr Host 127.0.0.1:8080 hdr Connection close\n")
	for i := range l.checks {
		fmt.Fprintf(&b, " server web%d 127.0.0.1:8080 check inter %dms\n", i, l.interval.Milliseconds())
	}
	path := filepath.Join(dir, "haproxy.cfg")
	must(tb, os.MkdirAll(dir, 0o700))
	must(tb, os.WriteFile(path, []byte(b.String()), 0o600))
	d := lab.NewDaemon("HAProxy", h, dir, "taskset", "-c", l.cpus, "haproxy", "-db", "-f", path)
	must(tb, d.Start())
	return d
}

// post is a watcher at work, beside the web server that it checks.
type post struct {
	*lab.Daemon
	b   *testing.B
	web *web
	end func()
}

func newPost(b *testing.B, w watcher, l load) *post {
	b.Helper()
	lab.NeedRoot(b)
	lab.NeedServices(b)
	place, err := lab.New()
	must(b, err)
	p := &post{b: b, end: sync.OnceFunc(func() { must(b, place.Close()) })}
	b.Cleanup(p.end)
	host := newHosts(b, place, 1, "lb1")[0]
	p.web = startWeb(b, host)
	p.Daemon = w.start(b, host, filepath.Join(tempDir(b), "lb1"), l)
	p.await(2 * l.checks)
	return p
}

// await waits until the web server has answered so many requests.
func (p *post) await(answers int) {
	p.b.Helper()
	for deadline := time.Now().Add(10 * time.Minute); p.served() < answers; time.Sleep(100 * time.Millisecond) {
		if !p.Running() || time.Now().After(deadline) {
			p.b.Fatalf("%s has looked %d times, want %d:\n%s", p.Name, p.served(), answers, p.LogTail(20))
		}
	}
}

func (p *post) served() int {
	p.b.Helper()
	n, err := p.web.served()
	must(p.b, err)
	return n
}

// rate measures how many checks there are in a second, and in one of CPU time.
func (p *post) rate(during time.Duration) (perSecond, perCPU float64) {
	p.b.Helper()
	begin, served, cpu := time.Now(), p.served(), cpuTime(p.b, p.Daemon)
	time.Sleep(during)
	checks, used := float64(p.served()-served), cpuTime(p.b, p.Daemon)-cpu
	return checks / time.Since(begin).Seconds(), checks / used.Seconds()
}

// holdings is what a process has of the kernel.
type holdings struct {
	files, threads     int
	residentMB, peakMB float64
}

func (p *post) holdings() holdings {
	p.b.Helper()
	dir := fmt.Sprintf("/proc/%d/", p.Process().PID())
	files, err := os.ReadDir(dir + "fd")
	must(p.b, err)
	threads, err := os.ReadDir(dir + "task")
	must(p.b, err)
	return holdings{len(files), len(threads), residentMB(p.b, p.Daemon), peakMB(p.b, dir+"status")}
}

// peakMB reads how much memory a process has had at most (proc(5), VmHWM).
func peakMB(tb testing.TB, path string) float64 {
	tb.Helper()
	status, err := os.ReadFile(path)
	must(tb, err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	must(tb, err)
	return float64(kilobytes) / 1024
}

// least returns the least of what the process has within some seconds: the connections of
// looks under way come and go.
func (p *post) least() holdings {
	p.b.Helper()
	least := p.holdings()
	for range 60 {
		time.Sleep(50 * time.Millisecond)
		now := p.holdings()
		least.files, least.threads = min(least.files, now.files), min(least.threads, now.threads)
		least.residentMB = min(least.residentMB, now.residentMB)
	}
	return least
}

// busy is 10,000 looks a second on one processor.
var busy = load{1000, 100 * time.Millisecond, "0"}

// rates compares the watchers at work.
func rates(b *testing.B) []contest {
	const during = 8 * time.Second
	perSecond := contest{what: "1,000 checks by HTTP each 100 ms, looks a second"}
	perCPU := contest{what: "the same, looks for a second of CPU time"}
	for i, w := range watchers {
		p := newPost(b, w, busy)
		perSecond.results[i], perCPU.results[i] = p.rate(during)
		p.end()
	}
	return []contest{perSecond, perCPU}
}

// crowd measures what 5,000 checks take.
func crowd(b *testing.B) []contest {
	crowded := load{5000, time.Second, "0,1"}
	resident := contest{what: "5,000 checks by HTTP each second, resident MB", limit: "100"}
	peak := contest{what: "the same, at most until then"}
	for i, w := range watchers {
		p := newPost(b, w, crowded)
		p.await(8 * crowded.checks)
		is := p.holdings()
		resident.results[i], peak.results[i] = is.residentMB, is.peakMB
		p.end()
	}
	return []contest{resident, peak}
}

// endurance looks a million times.
func endurance(b *testing.B) []contest {
	early := *benchLooks / 20
	p := newPost(b, watchers[0], busy)
	p.await(early)
	before := p.least()
	p.await(*benchLooks)
	after := p.least()
	p.end()
	grown := func(what string, was, is float64) contest {
		return contest{what: fmt.Sprintf("%s after %d looks, and after %d", what, *benchLooks, early), results: [2]float64{is, was}}
	}
	return []contest{
		grown("open files", float64(before.files), float64(after.files)),
		grown("threads", float64(before.threads), float64(after.threads)),
		grown("resident MB", before.residentMB, after.residentMB),
	}
}
