package route

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// survey is what is wanted, as far as it can be, and what becomes of it.
type survey struct {
	status Status
	want   tables
	routes map[entry]int // of want, in status
	rules  map[Rule]int
	slots  map[slot]bool
}

// newSurvey finds out what can be wanted of the kernel now. index looks up interfaces.
func newSurvey(want demand, index func(name string) (int, bool, error)) (*survey, error) {
	s := &survey{routes: make(map[entry]int), rules: make(map[Rule]int), slots: make(map[slot]bool)}
	for _, r := range want.routes {
		at := 0
		exists := true
		var err error
		if r.Device != "" {
			at, exists, err = index(r.Device)
		}
		if err != nil {
			return nil, err
		}
		s.addRoute(r, r.entry(at), exists)
	}
	for _, r := range want.rules {
		s.addRule(r)
	}
	return s, nil
}

func (s *survey) addRoute(r Route, e entry, exists bool) {
	status := RouteStatus{Route: r}
	switch err := r.check(); {
	case err != nil:
		status.Reason = err.Error()
	case !exists:
		status.Reason = fmt.Sprintf("interface %s does not exist", r.Device)
	case s.slots[e.slot()]:
		status.Reason = "another wanted route has this destination, table and metric"
	default:
		status.There = true
		s.slots[e.slot()] = true
		s.routes[e] = len(s.status.Routes)
		s.want.routes = append(s.want.routes, e)
	}
	s.status.Routes = append(s.status.Routes, status)
}

func (s *survey) addRule(r Rule) {
	status := RuleStatus{Rule: r}
	if err := r.check(); err != nil {
		status.Reason = err.Error()
	} else {
		status.There = true
		s.rules[r.canonical()] = len(s.status.Rules)
		s.want.rules = append(s.want.rules, r.canonical())
	}
	s.status.Rules = append(s.status.Rules, status)
}

// Failed notes that the kernel did not take what an action was to add.
func (s *survey) Failed(a action, err error) {
	if a.op == opAddRoute {
		status := &s.status.Routes[s.routes[a.route]]
		status.There, status.Reason = false, status.Route.reason(err)
		return
	}
	status := &s.status.Rules[s.rules[a.rule]]
	status.There, status.Reason = false, reason(err)
}

// Lacks reports whether anything that is wanted is not there.
func (s Status) Lacks() bool {
	for _, r := range s.Routes {
		if !r.There {
			return true
		}
	}
	for _, r := range s.Rules {
		if !r.There {
			return true
		}
	}
	return false
}

// reason says what the kernel means by an error.
func (r Route) reason(err error) string {
	if errors.Is(err, unix.EINVAL) && r.Source.IsValid() {
		return fmt.Sprintf("%s is no address of this node, or the kernel refuses the route otherwise: %v", r.Source, err)
	}
	return reason(err)
}

func reason(err error) string {
	if errors.Is(err, unix.EEXIST) {
		return "somebody else has it"
	}
	return err.Error()
}
