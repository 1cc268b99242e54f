//go:build ipvs

package ipvs

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lvs "github.com/cloudflare/ipvs"
)

const (
	tableServices = 1000
	tableServers  = 10 // of each
)

// TestFigures measures how long a large table takes, by several ways. It prints a line
// for each: its name, and seconds.
func TestFigures(t *testing.T) {
	l := newKernelLab(t)
	table := largeTable()
	var steps []step
	for _, s := range table {
		steps = append(steps, stepsToAdd(s)...)
	}
	l.takes("perch-add", func() { l.do(steps...) })
	l.takes("perch-survey", func() {
		if _, err := l.survey(); err != nil {
			t.Error(err)
		}
	})
	l.has(table...)
	l.takes("perch-counters", func() {
		if _, err := l.counters(); err != nil {
			t.Error(err)
		}
	})
	l.takes("perch-weight", func() {
		edited := Server{Address: table[500].Servers[5].Address, Weight: 9}
		l.do(step{verb: editServer, Key: table[500].Key, Server: edited})
	})
	l.takes("perch-add-again", func() { l.do(steps...) })
	var saved string
	l.takes("ipvsadm-save", func() { saved = l.ipvsadm("-Sn") })
	l.ipvsadm("-C")
	l.takes("ipvsadm-restore", func() { l.restore(saved) })
	l.ipvsadm("-C")
	l.takes("library-add", func() { addByLibrary(t, l.library, table) })
	l.ipvsadm("-C")
	l.keepalived(table)
}

func (l *kernelLab) takes(name string, do func()) {
	begin := time.Now()
	do()
	l.t.Logf("figure %s %.6f", name, time.Since(begin).Seconds())
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

func addByLibrary(t *testing.T, library lvs.Client, table []Service) {
	for _, s := range table {
		service := toService(s.Key, s.Balancing)
		if err := library.CreateService(service); err != nil {
			t.Fatal(err)
		}
		for _, server := range s.Servers {
			if err := library.CreateDestination(service, toServer(server)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// keepalived measures from its start to its last server.
func (l *kernelLab) keepalived(table []Service) {
	dir := l.t.TempDir()
	file := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(file, []byte(keepalivedTable(table)), 0o600); err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command("keepalived", "-n", "-l", "-G", "-C", "-f", file, "-p", filepath.Join(dir, "pid"), "-c", filepath.Join(dir, "checkers"))
	l.takes("keepalived-start", func() {
		if err := cmd.Start(); err != nil {
			l.t.Fatal(err)
		}
		l.awaitServers(table[len(table)-1])
	})
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
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
