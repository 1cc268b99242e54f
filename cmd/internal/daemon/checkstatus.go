package daemon

import (
	"fmt"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// The kinds of checks that find numbers: that of a file counts instead of its state, that
// of a script is the weight of a real server.
const (
	kindFile   = "file"
	kindScript = "script"
)

// verdictOf is what the policy makes of a check's status.
func verdictOf(s checker.Status) verdict {
	v := verdict{state: judgement(s.State), reason: s.Verdict}
	if s.State == checker.Unknown {
		v.reason = looksText(s.Looks)
		if s.Error != "" {
			v.reason += ": " + s.Error
		}
	}
	switch {
	case s.Kind == kindFile && s.Value.Known:
		v.value, v.known = s.Value.Is, true
	case s.Kind == kindScript && s.Value.Known && s.Value.Is >= 0:
		weight := uint32(s.Value.Is)
		v.weight = &weight
	}
	return v
}

func looksText(looks uint64) string {
	switch looks {
	case 0:
		return "has not looked yet"
	case 1:
		return "has looked once"
	}
	return fmt.Sprintf("has looked %d times", looks)
}

// checksOf returns the status of the checks of a config.
func checksOf(list []checker.Status, checks []config.Check) []api.Check {
	subjects := map[string]string{}
	for i := range checks {
		subjects[checks[i].Name] = subjectOf(&checks[i])
	}
	var out []api.Check
	for _, s := range list {
		c := checkOf(s)
		c.Target = subjects[s.Name]
		out = append(out, c)
	}
	return out
}

func checkOf(s checker.Status) api.Check {
	c := api.Check{
		Name:     s.Name,
		Kind:     s.Kind,
		State:    string(s.State),
		Healthy:  s.State == checker.Healthy,
		Since:    s.Since,
		Error:    s.Error,
		Warning:  s.Warning,
		Last:     s.Last,
		Looks:    s.Looks,
		Failures: s.Failures,
	}
	if s.State == checker.Failed || s.Error != "" {
		c.Error = s.Verdict
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
