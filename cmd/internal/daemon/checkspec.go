package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// entriesOf makes the checks of a config. It names all of those that cannot be made.
func entriesOf(host *checker.Host, checks []config.Check) ([]checker.Entry, error) {
	var entries []checker.Entry
	var errs []error
	for i := range checks {
		c := &checks[i]
		spec := specOf(c)
		made, err := host.New(spec)
		if err != nil {
			errs = append(errs, fmt.Errorf("check %s: %w", c.Name, err))
			continue
		}
		entries = append(entries, checker.Entry{Name: c.Name, Spec: spec, Checker: made, Schedule: scheduleOf(c)})
	}
	return entries, errors.Join(errs...)
}

func scheduleOf(c *config.Check) checker.Schedule {
	return checker.Schedule{
		Interval:     c.Interval,
		FastInterval: c.FastInterval,
		Timeout:      c.Timeout,
		Warmup:       c.Warmup,
		Rise:         c.Rise,
		Fall:         c.Fall,
	}
}

func specOf(c *config.Check) checker.Spec {
	return checker.Spec{
		Kind:    c.Kind,
		Target:  c.Target,
		Network: checker.Network(c.Network),
		TLS:     checker.TLS(c.TLS),
		TCP:     checker.TCP{Send: c.Payload.Send, Expect: checker.Pattern(c.Payload.Expect)},
		UDP:     udpOf(c.Payload),
		HTTP:    httpOf(c.HTTP),
		DNS:     checker.DNS(c.DNS),
		SMTP:    checker.SMTP(c.SMTP),
		GRPC:    checker.GRPC(c.GRPC),
		Script:  checker.Script(c.Script),
		Process: checker.Process(c.Process),
		File:    checker.File(c.File),
	}
}

func udpOf(c config.CheckPayload) checker.UDP {
	return checker.UDP{Send: c.Send, Answer: c.Answer, Expect: checker.Pattern(c.Expect), MaxAnswer: c.MaxAnswer}
}

func httpOf(c config.CheckHTTP) checker.HTTP {
	out := checker.HTTP{
		Connect:  c.Connect,
		Host:     c.Host,
		Protocol: c.Protocol,
		Method:   c.Method,
		Headers:  c.Headers,
		Body:     c.Body,
		Redirect: c.Redirect,
	}
	for _, r := range c.Requests {
		request := checker.Request{
			URL:       r.URL,
			Contains:  r.Contains,
			Matches:   r.Matches,
			Mismatch:  r.Mismatch,
			Digest:    r.Digest,
			JSONPath:  r.JSONPath,
			JSONValue: r.JSONValue,
		}
		for _, status := range r.Status {
			request.Status = append(request.Status, checker.Range(status))
		}
		out.Requests = append(out.Requests, request)
	}
	return out
}

// subjectOf is what a check looks at, in one line. It is on the dashboard, for whoever may
// reach that: the query of a URL may be a secret.
func subjectOf(c *config.Check) string {
	target, query, _ := strings.Cut(c.Target, "?")
	if query != "" && strings.Contains(target, "://") {
		target += "?***"
	} else {
		target = c.Target
	}
	return cmp.Or(target, strings.Join(c.Script.Argv, " "), c.Process.PIDFile, c.Process.Command)
}
