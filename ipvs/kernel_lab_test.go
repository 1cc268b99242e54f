//go:build ipvs

// Few kernels of test machines have IPVS: TestKernelIPVS of the end-to-end tests runs all
// TestKernel... of this package in one that does.

package ipvs

import (
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// kernelLab is the IPVS of this kernel, with nothing in it at first.
type kernelLab struct {
	t *testing.T
	*linux
}

func newKernelLab(t *testing.T) *kernelLab {
	t.Helper()
	k, err := openKernel()
	if err != nil {
		t.Fatal(err)
	}
	lab := &kernelLab{t: t, linux: k.(*linux)}
	lab.ipvsadm("-C")
	t.Cleanup(func() {
		lab.ipvsadm("-C")
		if err := lab.close(); err != nil {
			t.Error(err)
		}
	})
	return lab
}

func (l *kernelLab) ipvsadm(args ...string) (output string) {
	l.t.Helper()
	out, err := exec.Command("ipvsadm", args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("ipvsadm %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// do carries out steps, all of which are to end well.
func (l *kernelLab) do(steps ...step) {
	l.t.Helper()
	for _, err := range l.carryOut(steps) {
		if err != nil {
			l.t.Error(err)
		}
	}
}

// add adds services with their servers.
func (l *kernelLab) add(services ...Service) {
	l.t.Helper()
	for _, s := range services {
		l.do(stepsToAdd(s)...)
	}
}

func stepsToAdd(s Service) []step {
	steps := []step{{verb: addService, Key: s.Key, Balancing: s.Balancing}}
	for _, server := range s.Servers {
		steps = append(steps, step{verb: addServer, Key: s.Key, Server: server})
	}
	return steps
}

// has compares what the kernel has with what is wanted, in any order.
func (l *kernelLab) has(want ...Service) {
	l.t.Helper()
	got, err := l.survey()
	if err != nil {
		l.t.Fatal(err)
	}
	want = slices.Clone(want)
	slices.SortFunc(want, func(a, b Service) int { return a.Key.Compare(b.Key) })
	comparers := cmp.Options{cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(want, got, comparers); diff != "" {
		l.t.Errorf("survey, -want +got:\n%s", diff)
	}
}

// saves compares what "ipvsadm -Sn" prints with what is wanted, in any order.
func (l *kernelLab) saves(want string) {
	l.t.Helper()
	if got := l.ipvsadm("-Sn"); !slices.Equal(sortedLines(got), sortedLines(want)) {
		l.t.Errorf("ipvsadm -Sn:\n%s\nwant:\n%s", got, want)
	}
}

func sortedLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}
