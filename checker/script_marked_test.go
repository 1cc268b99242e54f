package checker

import (
	"os/exec"
	"testing"
)

// Nobody waits for a process that has an empty environment for good: it is not one that
// may have the marker soon.
func TestEmptyEnvironmentIsNotBetweenPrograms(t *testing.T) {
	bare := exec.Command("sleep", "1000")
	bare.Env = []string{}
	must(t, bare.Start())
	defer func() {
		must(t, bare.Process.Kill())
		_ = bare.Wait()
	}()
	until(t, "its exec ends", func() bool { return !betweenPrograms(bare.Process.Pid) })
	if environment, err := environmentOf(bare.Process.Pid); err != nil || len(environment) > 0 {
		t.Fatalf("environment %q, %v", environment, err)
	}
	if _, again := killIfMarked(bare.Process.Pid, "PERCH_CHECK="); again {
		t.Error("it is taken for one in the middle of an exec")
	}
}
