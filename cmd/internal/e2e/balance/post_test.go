//go:build ipvs

package balance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	lvs "github.com/cloudflare/ipvs"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// post is a program that keeps the large table in the kernel of a host that has nothing
// else to do.
type post struct {
	*lab.Daemon
	b      *testing.B
	kernel lvs.Client
	looks  looks
	level  string // of the log of perch
	read   int64  // of the log
}

// newPost makes a host with nothing to run yet.
func newPost(b *testing.B, l *lab.Lab, name string) *post {
	b.Helper()
	sw, err := l.AddSwitch()
	must(b, err)
	host, err := l.AddHost(name, sw)
	must(b, err)
	p := &post{b: b, Daemon: &lab.Daemon{Host: host, Dir: tempDir(b)}, level: "info"}
	must(b, host.Do(func() (err error) {
		p.kernel, err = lvs.New()
		return err
	}))
	return p
}

func (p *post) path(name string) string { return filepath.Join(p.Dir, name) }

// byPerch has perch keep the table.
func (p *post) byPerch(l looks) *post {
	p.b.Helper()
	p.looks = l
	p.configure(1)
	must(p.b, os.MkdirAll(p.path("data"), 0o700))
	p.Daemon = lab.NewDaemon("perch", p.Host, p.Dir, *perchBinary, "serve", "-c", p.path("perch.toml"))
	return p
}

// configure writes the config of perch, where largeOne has a weight.
func (p *post) configure(weight int) {
	p.b.Helper()
	text := fmt.Sprintf(`[node]
name = "lb1"
data_dir = %q
socket = %q
fence = "off"
log_level = %q
log_format = "json"

[static]
addresses = [
`, p.path("data"), p.path("perch.sock"), p.level)
	for i := 0; i < largeServices; i += 250 {
		text += fmt.Sprintf("{address = \"%s/24\", interface = \"eth0\"},\n", largeVIP(i).Addr())
	}
	text += "]\n" + largeTOML(p.looks, weight)
	must(p.b, os.WriteFile(p.path("perch.toml"), []byte(text), 0o600))
}

// byKeepalived has keepalived(8) keep it, with two processes.
func (p *post) byKeepalived(l looks) *post {
	p.b.Helper()
	p.looks = l
	must(p.b, os.WriteFile(p.path("keepalived.conf"), []byte(largeConf(l)), 0o600))
	p.Daemon = lab.NewDaemon("keepalived", p.Host, p.Dir, "keepalived", "--check", "--dont-fork", "--log-console", "--no-syslog",
		"-f", p.path("keepalived.conf"), "-p", p.path("pid"), "-r", p.path("vrrp.pid"), "-c", p.path("checkers.pid"))
	return p
}

// start starts the program, and returns how long it took until the table was there with
// this weight of largeOne.
func (p *post) start(weight int) time.Duration {
	p.b.Helper()
	begin := time.Now()
	must(p.b, p.Start())
	p.awaitTable(weight)
	return time.Since(begin)
}

// awaitTable waits for the last server, as all add them in the order of the table.
func (p *post) awaitTable(weight int) {
	p.b.Helper()
	p.await("the last service has its servers", 20*time.Millisecond, func() bool {
		return len(p.servers(largeServices-1)) == largeServers && p.weight() == weight
	})
}

// awaitLooks waits until each server has been looked at, in any order. To ask for all of
// them takes long itself.
func (p *post) awaitLooks() {
	p.b.Helper()
	for range 5 {
		time.Sleep(patience / 2)
		if p.isComplete() {
			return
		}
	}
	p.complete()
}

// complete checks that nothing is missing.
func (p *post) complete() {
	p.b.Helper()
	if !p.isComplete() {
		p.b.Fatalf("%s on %s: servers are missing", p.Name, p.Host.Name)
	}
}

func (p *post) isComplete() bool {
	p.b.Helper()
	for i := range largeServices {
		if len(p.servers(i)) != largeServers {
			return false
		}
	}
	return true
}

func (p *post) await(what string, pause time.Duration, done func() bool) {
	p.b.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(pause) {
		if time.Now().After(deadline) || p.Process() != nil && !p.Running() {
			p.b.Fatalf("%s on %s: not yet: %s\n%s", p.Name, p.Host.Name, what, p.LogTail(20))
		}
	}
}

func (p *post) servers(service int) []lvs.DestinationExtended {
	p.b.Helper()
	servers, err := p.kernel.Destinations(inKernel(service))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.b.Fatal(err)
	}
	return servers
}

// weight is that of largeOne in the kernel, -1 for none.
func (p *post) weight() int {
	p.b.Helper()
	want := largeServer(largeOne.service, largeOne.server).Addr()
	for _, s := range p.servers(largeOne.service) {
		if s.Address == want {
			return int(s.Weight)
		}
	}
	return -1
}

// clear empties the table, or the kernel goes on estimating rates.
func (p *post) clear() {
	p.b.Helper()
	p.run("", "ipvsadm", "-C")
}

func (p *post) run(input, command string, args ...string) {
	p.b.Helper()
	cmd := exec.Command(command, args...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &out
	process, err := p.Host.Start(cmd)
	must(p.b, err)
	if err := process.Err(); err != nil {
		p.b.Fatalf("%s %s: %v\n%s", command, strings.Join(args, " "), err, &out)
	}
}

// stop ends the program in good order, and empties the table.
func (p *post) stop() {
	p.b.Helper()
	ctx, cancel := context.WithTimeout(p.b.Context(), patience)
	defer cancel()
	must(p.b, p.Terminate(ctx))
	p.clear()
}

// talkative has perch say what it changes. It begins quietly, as thousands of lines take
// their time.
func (p *post) talkative() {
	p.b.Helper()
	p.level = "debug"
	p.configure(1)
	p.reload()
	time.Sleep(rest)
	p.news()
}

// reload has perch take over the config that was written last.
func (p *post) reload() {
	p.b.Helper()
	client := p.client()
	defer client.CloseIdleConnections()
	_, err := client.Reload(p.b.Context())
	must(p.b, err)
}

// settle lets perch come to rest.
func (p *post) settle() { time.Sleep(300 * time.Millisecond) }

// client speaks to perch.
func (p *post) client() *api.Client { return api.NewClient(p.path("perch.sock")) }

// said is a line of perch's log.
type said struct {
	Time  time.Time `json:"time"`
	Msg   string    `json:"msg"`
	Steps int       `json:"steps"`
}

// hears returns what perch says from now on until it says one of these.
func (p *post) hears(last ...string) (list []said) {
	p.b.Helper()
	p.await(strings.Join(last, " or "), 2*time.Millisecond, func() bool {
		for _, s := range p.news() {
			list = append(list, s)
			for _, msg := range last {
				if s.Msg == msg {
					return true
				}
			}
		}
		return false
	})
	return list
}

// news returns the lines of the log that were not read yet.
func (p *post) news() (list []said) {
	p.b.Helper()
	log, err := os.ReadFile(p.LogFile())
	must(p.b, err)
	fresh := log[p.read:]
	fresh = fresh[:bytes.LastIndexByte(fresh, '\n')+1]
	p.read += int64(len(fresh))
	for line := range bytes.Lines(fresh) {
		var s said
		if json.Unmarshal(line, &s) == nil {
			list = append(list, s)
		}
	}
	return list
}

// cpu is what the threads of the program have used.
func (p *post) cpu() (used time.Duration) {
	p.b.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.Process().PID()))
	must(p.b, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		must(p.b, err)
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		must(p.b, err)
		used += time.Duration(ns)
	}
	return used
}

// resident is how much memory the processes of the program have, in MB.
func (p *post) resident() (mb float64) {
	p.b.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	must(p.b, err)
	group := strconv.Itoa(p.Process().PID())
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndex(text, []byte(") "))+2:])) // from the third on
		if fields[2] == group {
			pages, err := strconv.ParseFloat(fields[21], 64)
			must(p.b, err)
			mb += pages * float64(os.Getpagesize()) / (1 << 20)
		}
	}
	return mb
}
