package config

import (
	"fmt"
	"slices"
	"strings"
)

// checkChecks checks every [[check]] by itself, and that their names differ.
func checkChecks(r *report, root *value, c *Config) {
	list, names, kinds := root.child("check"), firsts[string]{}, kindsOf(kindKeys(new(Check)))
	for i := range c.Checks {
		check, table := &c.Checks[i], list.item(i)
		if check.Name != "" {
			names.check(r, check.Name, table.child("name"), "must be different for every [[check]]")
		}
		checkSchedule(r, table, check)
		if check.Kind != "" { // else it was refused
			checkKindKeys(r, table, check.Kind, kinds)
			checkTarget(r, table, check)
			checkKind(r, table, check)
			if check.Kind == "bgp" {
				checkNeighborCheck(r, table, c)
			}
		}
	}
}

func checkSchedule(r *report, table *value, c *Check) {
	if c.FastInterval > c.Interval && c.Interval > 0 {
		r.badValue(table.child("fast_interval"), fmt.Sprintf("is longer than interval, %v", c.Interval), "must be at most interval")
	}
}

// kindsOf returns the kinds that each key is for, of those that are not for all.
func kindsOf(keys []key) map[string][]string {
	kinds := map[string][]string{}
	for _, k := range keys {
		if k.kinds != nil {
			kinds[k.name] = k.kinds
		}
	}
	return kinds
}

// checkKindKeys refuses the keys of other kinds.
func checkKindKeys(r *report, table *value, kind string, kinds map[string][]string) {
	for _, v := range table.fields {
		of, some := kinds[v.name]
		if !some || slices.Contains(of, kind) {
			continue
		}
		word := "kind"
		if len(of) > 1 {
			word = "kinds"
		}
		r.badKey(v, "is not for kind "+kind, "is for "+word+" "+strings.Join(of, ", "))
	}
}

// checkKind checks what the keys of one kind say together.
func checkKind(r *report, table *value, c *Check) {
	checkTLSKeys(r, table, c)
	switch c.Kind {
	case "tcp", "udp":
		onlyOne(r, table, "send", "send_hex")
		onlyOne(r, table, "expect", "expect_hex")
		checkMaxAnswer(r, table, c.Payload)
	case "http":
		checkRequests(r, table, c)
	case "dns":
		checkAnswers(r, table, c)
		checkTransport(r, table, c)
	case "smtp":
		if c.SMTP.StartTLS && c.TLS.Enabled {
			r.badKey(table.child("starttls"), "given together with tls = true", "must be one of the two, since with tls = true all is TLS from the begin")
		}
	case "script":
		if argv := table.child("argv"); argv == nil {
			r.missing(table, "argv", argvRule)
		} else {
			checkArgv(r, argv)
		}
	case "process":
		if table.child("target") == nil && table.child("pidfile") == nil && table.child("command") == nil {
			r.missing(table, "target", processRule+", unless there is pidfile or command")
		}
		onlyOne(r, table, "target", "pidfile", "command")
		if v := table.child("quorum"); c.Process.PIDFile != "" && c.Process.Quorum > 1 {
			r.badValue(v, "is more than the one process that a pidfile names", "must be left out there")
		}
		checkQuorumMax(r, table, c.Process)
	case "file":
		checkAbsent(r, table, c)
		if v := table.child("missing"); v != nil && !c.File.Number {
			r.badKey(v, "given without number = true", "must be left out there: it is the number while there is no file")
		}
	}
}

// checkMaxAnswer wants room for what must come.
func checkMaxAnswer(r *report, table *value, p CheckPayload) {
	least := max(len(p.Expect.Contains), len(p.Expect.Bytes))
	if v := table.child("max_answer"); v != nil && p.MaxAnswer != nil && *p.MaxAnswer < least {
		r.badValue(v, fmt.Sprintf("is less than the %d bytes that must come", least), "must be at least so many")
	}
}

// checkQuorumMax wants room for a quorum, and processes that are counted.
func checkQuorumMax(r *report, table *value, p CheckProcess) {
	v := table.child("quorum_max")
	switch {
	case v == nil || p.QuorumMax == nil:
	case table.child("pidfile") != nil:
		r.badKey(v, "given together with pidfile, which names one process", "must be left out there")
	case *p.QuorumMax < p.Quorum:
		r.badValue(v, fmt.Sprintf("is less than quorum, %d", p.Quorum), "must be at least quorum")
	}
}

// checkTransport refuses to ask over UDP with TLS (RFC 7858).
func checkTransport(r *report, table *value, c *Check) {
	if v := table.child("transport"); v != nil && v.text == "udp" && c.TLS.Enabled {
		r.badValue(v, "given together with tls = true", `must be "tcp" there, or be left out`)
	}
}

// onlyOne refuses all but the first of the keys that are there.
func onlyOne(r *report, table *value, names ...string) {
	first := ""
	for _, name := range names {
		v := table.child(name)
		switch {
		case v == nil:
		case first == "":
			first = name
		default:
			r.badKey(v, "given together with "+first, "must be one of the two")
		}
	}
}

// checkArgv wants a program in a list, if there is one.
func checkArgv(r *report, argv *value) {
	switch {
	case argv == nil || argv.kind != kindArray:
	case len(argv.items) == 0:
		r.badKey(argv, "is empty", argvRule)
	case argv.item(0).kind == kindString:
		if _, err := parsePath(argv.item(0).text); err != nil {
			r.badValue(argv.item(0), err.Error(), "must be an absolute path to a program")
		}
	}
}

// checkAbsent refuses to look into a file that must not be there.
func checkAbsent(r *report, table *value, c *Check) {
	if !c.File.Absent {
		return
	}
	for _, name := range []string{"max_age", "number"} {
		if v := table.child(name); v != nil {
			r.badKey(v, "given together with absent = true", "must be left out there, since there is no file")
		}
	}
}
