package checker

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkScanProcesses is with 2,000 processes more than there are.
func BenchmarkScanProcesses(b *testing.B) {
	all := make([]*exec.Cmd, 2000)
	for i := range all {
		all[i] = exec.Command("/bin/sleep", "1000")
		must(b, all[i].Start())
	}
	defer func() {
		for _, cmd := range all {
			end(cmd)
		}
	}()
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		found, err := scanProcesses(context.Background())
		must(b, err)
		if len(found) < len(all) {
			b.Fatalf("%d found", len(found))
		}
	}
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
}

// processorTime is what a busy machine does not make longer.
func processorTime(b *testing.B) time.Duration {
	var usage unix.Rusage
	must(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkProcessCheck(b *testing.B) {
	path, name := program(b, "pt-bench", "/bin/sleep")
	begin(b, path, "1000")
	c := made(b, testHost(), processSpec(name, Process{}))
	awaitReason(b, c, "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Check(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScript(b *testing.B) {
	c := made(b, testHost(), Spec{Kind: "script", Script: Script{Argv: []string{"/bin/true"}}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Check(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
