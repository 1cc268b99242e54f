package checker

import (
	"os"
	"strconv"
	"strings"
)

// standBack has the kernel, when memory is short, kill a script that has just been started as
// soon as any other process: it inherits from the daemon that it be the last one. To take that
// back needs no capability. What the script itself has started by then keeps it.
func (r *scriptRun) standBack() {
	if !isSpared() {
		return
	}
	r.as.whileKilling(func() {
		_ = os.WriteFile("/proc/"+strconv.Itoa(r.pid)+"/oom_score_adj", []byte("0"), 0) // it may have ended
	})
}

// isSpared tells whether others are killed rather than this process (proc(5),
// oom_score_adj).
func isSpared() bool {
	text, err := os.ReadFile("/proc/self/oom_score_adj")
	return err == nil && strings.HasPrefix(string(text), "-")
}
