//go:build ipvs

package balance

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

var figureRounds = flag.Int("rounds", 40, "rounds of what changes one server")

// BenchmarkFigures measures what perch, ipvsadm(8) and keepalived(8) take for the large table.
// It prints a line for each sample, "figure", its name, and seconds, MB or a count, and one
// for each version, "version", a name and what that says.
func BenchmarkFigures(b *testing.B) {
	versions(b)
	l, err := lab.New()
	must(b, err)
	defer func() { must(b, l.Close()) }()
	restore(newPost(b, l, "restore"))
	startKeepalived(newPost(b, l, "keepalived"))
	startPerch(newPost(b, l, "perch"))
	files := newLooks(b)
	lookByKeepalived(newPost(b, l, "keepalived-looks").byKeepalived(files))
	lookByPerch(newPost(b, l, "perch-looks").byPerch(files))
}

func versions(b *testing.B) {
	var u unix.Utsname
	must(b, unix.Uname(&u))
	fmt.Println("version kernel", unix.ByteSliceToString(u.Release[:]))
	out, err := exec.Command("ipvsadm", "--version").Output()
	must(b, err)
	fmt.Println("version ipvsadm", strings.Fields(string(out))[1])
}

func sample(name string, value float64) { fmt.Printf("figure %s %.9f\n", name, value) }

func restore(p *post) {
	lines := largeLines()
	begin := time.Now()
	p.run(lines, "ipvsadm", "-R")
	sample("ipvsadm-restore", time.Since(begin).Seconds())
	p.complete()
	p.clear()
}

func startKeepalived(p *post) {
	p.byKeepalived("")
	sample("keepalived-start", p.start(1).Seconds())
	p.complete()
	time.Sleep(rest)
	sample("keepalived-resident", p.resident())
	p.stop()
}

// rest is after what a program is taken to be idle.
const rest = 2 * time.Second

// changed is what perch says when it has changed what the kernel has.
const changed = "services of IPVS amended"

func startPerch(p *post) {
	p.byPerch("")
	sample("perch-start", p.start(1).Seconds())
	p.complete()
	time.Sleep(rest)
	sample("perch-resident", p.resident())
	p.talkative()
	for range max(*figureRounds/10, 1) {
		reloads(p)
	}
	sample("perch-resident-reloaded", p.resident())
	orders(p)
	must(p.b, p.Kill())
	p.level = "info"
	p.configure(3)
	sample("perch-start-again", p.start(3).Seconds())
	p.complete()
	p.stop()
}

// reloads reloads without a change, and with that of one server.
func reloads(p *post) {
	for _, weight := range []int{1, 2, 1} {
		p.configure(weight)
		name, before := "perch-reload-one", p.weight()
		p.settle()
		begin, cpu := time.Now(), p.cpu()
		p.reload()
		end, steps := time.Now(), 0
		if before == weight {
			name = "perch-reload-same"
		} else {
			said := p.hears(changed)
			end, steps = said[len(said)-1].Time, said[len(said)-1].Steps
		}
		p.settle()
		for _, s := range p.news() {
			if s.Msg == changed {
				steps += s.Steps
			}
		}
		if now := p.weight(); now != weight {
			p.b.Fatalf("weight %d after %d steps, want %d", now, steps, weight)
		}
		sample(name, end.Sub(begin).Seconds())
		sample(name+"-cpu", (p.cpu() - cpu).Seconds())
		sample(name+"-steps", float64(steps))
	}
}

// orders gives one server another weight, as perch server weight does.
func orders(p *post) {
	client := p.client()
	defer client.CloseIdleConnections()
	name := api.ServerName{
		Service: largeVIP(largeOne.service).String() + "/tcp",
		Server:  largeServer(largeOne.service, largeOne.server).String(),
	}
	cpu := p.cpu()
	for i := range *figureRounds {
		weight := uint32(10 + i)
		time.Sleep(pause)
		p.news()
		begin := time.Now()
		_, err := client.OrderServer(p.b.Context(), api.ServerOrder{ServerName: name, Order: api.OrderWeight, Weight: &weight})
		must(p.b, err)
		said := p.hears(changed)
		sample("perch-order", said[len(said)-1].Time.Sub(begin).Seconds())
		if now := p.weight(); now != int(weight) {
			p.b.Fatalf("weight %d, want %d", now, weight)
		}
	}
	_, err := client.OrderServer(p.b.Context(), api.ServerOrder{ServerName: name, Order: api.OrderDefault})
	must(p.b, err)
	p.hears(changed)
	sample("perch-order-cpu", (p.cpu()-cpu).Seconds()/float64(*figureRounds))
}

// pause is between two rounds.
const pause = 40 * time.Millisecond

func lookByPerch(p *post) {
	must(p.b, p.Start())
	p.awaitLooks()
	time.Sleep(rest)
	sample("perch-looks-resident", p.resident())
	p.talkative()
	cpu := p.cpu()
	for i := range *figureRounds {
		time.Sleep(pause)
		p.news()
		begin, want := time.Now(), i%2
		if want == 0 {
			must(p.b, os.Remove(p.looks.one()))
		} else {
			must(p.b, os.WriteFile(p.looks.one(), nil, 0o600))
		}
		said := p.hears(changed)
		end := said[len(said)-1].Time
		for _, s := range said {
			if s.Msg == "check failed" || s.Msg == "check is healthy" {
				sample("perch-verdict", end.Sub(s.Time).Seconds())
			}
		}
		sample("perch-file", end.Sub(begin).Seconds())
		if now := p.weight(); now != want {
			p.b.Fatalf("weight %d, want %d", now, want)
		}
	}
	sample("perch-verdict-cpu", (p.cpu()-cpu).Seconds()/float64(*figureRounds))
	sample("perch-looks-resident-after", p.resident())
	p.stop()
}

// lookByKeepalived asks the kernel again and again, as keepalived does not say when it has
// changed something.
func lookByKeepalived(p *post) {
	p.start(1)
	p.complete()
	time.Sleep(rest)
	sample("keepalived-looks-resident", p.resident())
	for i := range *figureRounds {
		time.Sleep(pause)
		add := 4 * (1 - i%2)
		begin := time.Now()
		must(p.b, os.WriteFile(p.looks.one(), fmt.Appendln(nil, add), 0o600))
		p.await("the number is in the weight", 200*time.Microsecond, func() bool { return p.weight() == 1+add })
		sample("keepalived-file", time.Since(begin).Seconds())
	}
	p.stop()
}
