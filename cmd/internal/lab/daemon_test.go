package lab

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestDaemonIsFrozenAndKilledWithItsChildren(t *testing.T) {
	_, hosts := newLab(t, 1)
	d := NewDaemon("two", hosts[0], t.TempDir(), "sh", "-c", "sleep 60 & echo $!; wait")
	must(t, d.Start())
	eventually(t, "it says its child", func() bool { return d.LogTail(1) != "" })
	child := "/proc/" + d.LogTail(1) + "/stat"
	must(t, d.Freeze())
	eventually(t, "the child is stopped", func() bool { return stateOf(t, child) == "T" })
	must(t, d.Thaw())
	eventually(t, "the child goes on", func() bool { return stateOf(t, child) == "S" })
	must(t, d.Kill())
	eventually(t, "the child is dead", func() bool { return stateOf(t, child) == "" })
	if d.Running() {
		t.Error("it runs after its death")
	}
	if err := d.Kill(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("killed again: %v", err)
	}
}

// stateOf reads the state of a process (proc(5), stat field 3), "" if there is none.
func stateOf(t *testing.T, stat string) string {
	t.Helper()
	data, err := os.ReadFile(stat)
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return rest[:1]
}
