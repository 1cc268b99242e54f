package daemon

import (
	"cmp"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/api"
)

// checksOf returns the status of each check.
func checksOf(list []checker.Status) []api.Check {
	var out []api.Check
	for _, s := range list {
		out = append(out, checkOf(s))
	}
	return out
}

func checkOf(s checker.Status) api.Check {
	c := api.Check{
		Name:     s.Name,
		Kind:     s.Kind,
		Target:   s.Subject,
		State:    string(s.State),
		Healthy:  s.State == checker.Healthy,
		Since:    s.Since,
		Error:    cmp.Or(s.Verdict, s.Error),
		Warning:  s.Warning,
		Last:     s.Last,
		Looks:    s.Looks,
		Failures: s.Failures,
	}
	if s.Value.Known {
		c.Value = &s.Value.Is
	}
	if s.Looks > 0 {
		c.Took = s.Took.Round(10 * time.Microsecond).String()
	}
	if s.Overdue > 0 {
		c.Overdue = s.Overdue.Round(100 * time.Millisecond).String()
	}
	return c
}
