package ipvs

import (
	"fmt"
	"maps"
	"slices"
)

// Status is what became of what is wanted, as of the last look at the kernel.
type Status struct {
	Ready    bool      // the kernel has IPVS, and something is wanted of it
	Waiting  string    // for what, if something is wanted but IPVS is not ready; else empty
	Foreign  []Key     // services that somebody else made, and that stay as they are; sorted
	Blocked  []Trouble // wanted services that are not perch's; sorted
	Failed   []Trouble // wanted services that are not as they should be, and old ones that do not go; sorted
	Problems []string  // with what belongs to no service: timeouts, the record
	Mended   uint64    // changes by others that were undone, since the Manager was made
}

// Trouble is why a service is not as it is wanted.
type Trouble struct {
	Key
	Reason string
}

// Status returns what is known. Its lists are not to be changed.
func (m *Manager) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

// publish replaces the status, but for what it counts.
func (m *Manager) publish(s Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Mended = m.status.Mended
	m.status = s
}

func (m *Manager) addMended(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.Mended += uint64(n)
}

// failure is what became of the steps of one service.
type failure struct {
	first error
	count int
}

// failures returns the services of which steps failed.
func failures(steps []step, errs []error) map[Key]failure {
	var failed map[Key]failure
	for i, err := range errs {
		if err == nil {
			continue
		}
		if failed == nil {
			failed = make(map[Key]failure)
		}
		f, again := failed[steps[i].Key]
		if !again {
			f.first = err
		}
		f.count++
		failed[steps[i].Key] = f
	}
	return failed
}

func troubles(failed map[Key]failure) []Trouble {
	var list []Trouble
	for _, k := range slices.SortedFunc(maps.Keys(failed), Key.Compare) {
		f := failed[k]
		reason := f.first.Error()
		if f.count > 1 {
			reason = fmt.Sprintf("%s (further failures: %d)", reason, f.count-1)
		}
		list = append(list, Trouble{k, reason})
	}
	return list
}

func texts(errs []error) []string {
	var list []string
	for _, err := range errs {
		list = append(list, err.Error())
	}
	return list
}
