package checker

import (
	"bytes"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// markedPatience is how long those that fork faster than they are killed are hunted.
	markedPatience = time.Second
	markedRest     = time.Millisecond

	maxEnvironment = 1 << 20 // bytes in which the marker is looked for
)

// killMarked kills the processes that have come after a process and have a marker in their
// environment, which are those that a script has started, in its group or not, and returns
// them when they are gone. One that has got rid of the marker too, as sudo does, is not found.
func killMarked(pid int, marker string) (killed []int) {
	for began := time.Now(); time.Since(began) < markedPatience; time.Sleep(markedRest) {
		again := false
		for candidate := range forkedSince(pid) {
			found, more := killIfMarked(candidate, marker)
			if found && !slices.Contains(killed, candidate) {
				killed = append(killed, candidate)
			}
			again = again || more
		}
		if !again {
			return killed
		}
	}
	return killed
}

// forkedSince returns the numbers that were given to processes and threads after that of
// a process. They are given in turn, so there are as many as there were forks.
func forkedSince(pid int) iter.Seq[int] {
	last, most := lastPID(), maxPID()
	return func(yield func(int) bool) {
		for n := pid; n != last; {
			if n++; n > most {
				n = 1
			}
			if last > most || !yield(n) {
				return
			}
		}
	}
}

// lastPID returns the last number that was given.
func lastPID() int {
	text, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return 0
	}
	last, _ := strconv.Atoi(fields[len(fields)-1])
	return last
}

// maxPID returns the largest number that is given.
func maxPID() int {
	text, _ := os.ReadFile("/proc/sys/kernel/pid_max")
	most, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return most
}

// killIfMarked kills a process that has the marker, and tells whether to look once more:
// because it is not gone yet, or because it may have the marker soon.
func killIfMarked(pid int, marker string) (killed, again bool) {
	pidfd, err := unix.PidfdOpen(pid, 0) // so that no other is killed
	if err != nil {
		return false, false
	}
	defer func() { _ = unix.Close(pidfd) }()
	environment, err := environmentOf(pid)
	switch {
	case err != nil: // gone, or of somebody whose processes are none of our business
		return false, false
	case !bytes.Contains(environment, []byte(marker)):
		return false, len(environment) == 0 && betweenPrograms(pid)
	}
	killed = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0) == nil
	return killed, killed
}

// betweenPrograms tells whether a process is in the middle of an exec, perhaps: it has no
// environment for a moment. One that was started with an empty one has none for good.
func betweenPrograms(pid int) bool {
	p, err := readProcess(pid)
	return err == nil && p.alive() && !p.exiting() && !p.bare
}

func environmentOf(pid int) ([]byte, error) {
	file, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxEnvironment))
}
