package daemon

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ownThreads is where the kernel says how the threads of this process get on.
const ownThreads = "/proc/self/task"

// turns are those of the threads of a process.
type turns struct {
	dir  string
	last map[string]turn // nil if it was not looked
}

// waited returns for how long a thread had to wait since the last look, which was some time
// ago; 0 at the first look, and where the kernel does not say.
func (t *turns) waited(passed time.Duration) time.Duration {
	now := readTurns(t.dir)
	longest := longestWait(t.last, now, passed)
	t.last = now
	return longest
}

// forget makes the next look the first one.
func (t *turns) forget() { t.last = nil }

// readTurns leaves out the threads that have just ended.
func readTurns(dir string) map[string]turn {
	all := map[string]turn{}
	threads, _ := os.ReadDir(dir)
	for _, thread := range threads {
		accounts, err := os.ReadFile(filepath.Join(dir, thread.Name(), "schedstat"))
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join(dir, thread.Name(), "stat"))
		if t, ok := parseTurn(string(accounts), string(stat)); ok {
			all[thread.Name()] = t
		}
	}
	return all
}

// parseTurn reads schedstat, "ran waited slices" in nanoseconds, and of stat what follows the
// name in brackets, which may have any character in it.
func parseTurn(accounts, stat string) (t turn, ok bool) {
	fields := strings.Fields(accounts)
	if len(fields) < 2 {
		return t, false
	}
	ran, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return t, false
	}
	waited, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return t, false
	}
	state := strings.TrimLeft(stat[strings.LastIndex(stat, ")")+1:], " ")
	waits := strings.HasPrefix(state, "R") || strings.HasPrefix(state, "D")
	return turn{time.Duration(ran), time.Duration(waited), waits}, true
}
