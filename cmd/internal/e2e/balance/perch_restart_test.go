//go:build ipvs

package balance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// perch is killed or stopped, and started again: no connection breaks, and at no time is anything
// missing in the kernel, where an operator's weight stays too. What leaves the config
// leaves the kernel, also if that happened while perch was dead.
func TestPerchStartsAgain(t *testing.T) {
	b := newBed(t)
	services := plainOf(modes...)
	kept := services[:4]
	a := b.newAlone(b.tables(services...))
	must(t, a.Do(func() error { return set("ipv4/vs/expire_nodest_conn", "1") })) // who loses his server is told
	must(t, a.Start())
	a.has(b.want(nil, services...))
	ordered := services[0]
	_, err := a.run("", *perchBinary, "server", "weight", ordered.name, ordered.server(b.webs[2]), "7", "--socket", a.socket())
	must(t, err)
	want := append(b.want(weights{b.webs[2]: 7}, ordered), b.want(nil, services[1:]...)...)
	a.has(want)
	var all guests
	for _, s := range services {
		all = append(all, b.invite(6, s.address())...)
	}

	for _, end := range []func() error{a.Kill, a.stop} {
		must(t, end())
		a.talks(all, want)
		must(t, a.Start())
		for !a.allAre(api.ServerUp) {
			a.talks(all, want)
		}
		a.talks(all, want)
	}

	must(t, a.Kill())
	a.write(b.tables(kept...))
	must(t, a.Start())
	want = append(b.want(weights{b.webs[2]: 7}, ordered), b.want(nil, kept[1:]...)...)
	a.has(want)
	a.talks(all[:6*len(kept)], want)

	a.reload(b.tables(ordered))
	a.has(b.want(weights{b.webs[2]: 7}, ordered))
	a.reload("")
	a.has(nil)
	must(t, b.webs[0].Kill())
	a.reload(b.tables(ordered))
	a.neverHas(ordered.server(b.webs[0]), b.want(weights{b.webs[0]: gone, b.webs[2]: 7}, ordered))
}

// neverHas waits until the director has the table, and has no such server on the way.
func (a *alone) neverHas(server string, want []string) {
	a.bed.t.Helper()
	a.bed.settles("the table is as wanted", func() string {
		got := a.saved()
		for _, line := range got {
			if strings.Contains(line, "-r "+server+" ") {
				a.bed.t.Errorf("a server that is dead was added: %s", line)
			}
		}
		return different(got, want)
	})
}

// What perch has done about dead servers is not undone when it is started again: the sorry
// server keeps the traffic, and who was kept with weight 0 is.
func TestPerchStartsAgainAmongTheDead(t *testing.T) {
	b := newBed(t)
	servers, sorry := b.webs[:2], b.webs[2]
	replaced, inhibited := plain(dr, ipv4), plain(nat, ipv4)
	replaced.keys = fmt.Sprintf("sorry_server = %q\n", replaced.server(sorry))
	inhibited.keys = "inhibit_on_failure = true\n"
	a := b.newAlone(replaced.table(servers) + inhibited.table(servers))
	must(t, a.Start())
	a.has(append(replaced.lines(servers, nil), inhibited.lines(servers, nil)...))
	for _, w := range servers {
		must(t, w.Kill())
	}
	want := append(replaced.lines([]*web{sorry}, nil), inhibited.lines(servers, weights{servers[0]: 0, servers[1]: 0})...)
	a.has(want)

	must(t, a.Kill())
	must(t, a.Start())
	for !a.allAre(api.ServerDown) {
		a.talks(nil, want)
	}
	a.talks(nil, want)
	a.reaches(replaced)
	for _, w := range servers {
		must(t, w.Start())
	}
	a.has(append(replaced.lines(servers, nil), inhibited.lines(servers, nil)...))
}

// talks has all connections go on, and nothing change in the kernel.
func (a *alone) talks(all guests, want []string) {
	a.bed.t.Helper()
	for _, err := range all.talk() {
		a.bed.t.Error(err)
	}
	if wrong := different(a.saved(), want); wrong != "" {
		a.bed.t.Errorf("the table has changed:\n%s", wrong)
	}
	if a.bed.t.Failed() {
		a.bed.t.FailNow()
	}
}

// Services that somebody else made are left alone, and named. One in the place of perch's
// blocks that alone. With own_all perch takes everything over.
func TestPerchForeignServices(t *testing.T) {
	b := newBed(t)
	blocked, free := plain(nat, ipv4), plain(dr, ipv6)
	a := b.newAlone(b.tables(blocked, free))
	const stranger = "198.18.0.101:9999"
	foreign := []string{"-A -t " + stranger + " -s wlc", "-A -t " + blocked.address().String() + " -s lc"}
	a.ipvsadm(strings.Join(foreign, "\n")+"\n", "-R")
	must(t, a.Start())
	a.has(append(b.want(nil, free), foreign...))
	eventually(t, "all servers are up", func() bool { return a.allAre(api.ServerUp) })
	status, err := a.status()
	must(t, err)
	if is := status.Services[0]; is.State != api.ServiceBlocked || !strings.Contains(is.Reason, "own_all") {
		t.Errorf("%s is %s: %q; want it blocked, and own_all as the way out", is.Name, is.State, is.Reason)
	}
	if is := status.Services[1]; is.State != api.ServiceReady {
		t.Errorf("%s is %s: %q; want it ready", is.Name, is.State, is.Reason)
	}
	if shown := a.shown(); !strings.Contains(shown, stranger) || !strings.Contains(shown, "blocked") {
		t.Errorf("perch status names no service of somebody else:\n%s", shown)
	}
	a.reaches(free)

	a.reload("\n[ipvs]\nown_all = true\n" + b.tables(blocked, free))
	a.has(b.want(nil, blocked, free))
	a.reaches(blocked)
	eventually(t, "nothing is blocked", func() bool {
		status, err := a.status()
		return err == nil && status.Services[0].State == api.ServiceReady && len(status.IPVS.Foreign) == 0
	})
}

// reaches has a service answer.
func (a *alone) reaches(s service) {
	a.bed.t.Helper()
	from := time.Now()
	r := a.bed.visit(s.address())
	a.bed.answered(r, 6)
	must(a.bed.t, r.Close())
	if failures := r.Since(from).Failures(); len(failures) > 0 {
		a.bed.t.Errorf("%s: %v", s.name, failures)
	}
}
