package checker

import "sync"

// vigil follows the processes on which the last look of one check rests, while somebody
// watches the check.
type vigil struct {
	deaths *deaths

	mu     sync.Mutex
	bell   bell        // nil while nobody watches
	pids   []int       // of the last look
	pidfds map[int]int // of those that are followed, by their number
}

// begin lets a bell be rung at the end of the processes of the last look, and of those of
// each further one.
func (v *vigil) begin(b bell) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.bell, v.pidfds = b, map[int]int{}
	for _, pid := range v.pids {
		if v.follow(pid) != nil {
			b.ring()
		}
	}
}

func (v *vigil) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, pidfd := range v.pidfds {
		v.deaths.leave(pidfd)
	}
	v.bell, v.pidfds = nil, nil
}

// count returns how many of some processes are well, but counts no further than to a
// limit, and follows those it counts. A process is followed before it is looked at: so
// none can end unnoticed between.
func (v *vigil) count(pids []int, limit int, well func(pid int) bool) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pids = v.pids[:0]
	counted := map[int]bool{}
	for _, pid := range pids {
		if len(v.pids) == limit {
			break
		}
		_ = v.follow(pid) // if it cannot be, it is only not noticed at once
		if well(pid) {
			v.pids, counted[pid] = append(v.pids, pid), true
		}
	}
	for pid := range v.pidfds {
		if !counted[pid] {
			v.leave(pid)
		}
	}
	return len(v.pids)
}

// follow makes sure that a process is followed. Its number may be that of another one that
// has ended.
func (v *vigil) follow(pid int) error {
	if v.bell == nil {
		return nil
	}
	if pidfd, followed := v.pidfds[pid]; followed {
		if !hasEnded(pidfd) {
			return nil
		}
		v.leave(pid)
	}
	pidfd, err := v.deaths.follow(pid, v.bell)
	if err == nil {
		v.pidfds[pid] = pidfd
	}
	return err
}

func (v *vigil) leave(pid int) {
	v.deaths.leave(v.pidfds[pid])
	delete(v.pidfds, pid)
}

// last returns the processes that the last look has counted.
func (v *vigil) last() []int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]int(nil), v.pids...)
}
