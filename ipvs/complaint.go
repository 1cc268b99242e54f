package ipvs

// linesAtOnce is how many complaints are written at most after one look at the kernel.
const linesAtOnce = 10

// complaint is something that is wrong, as the log has it.
type complaint struct{ what, subject, reason string }

// told are the complaints that are in the log already.
type told map[complaint]struct{}

// news returns what was not told yet, and takes the list for told: what is over is told
// anew when it comes back.
func (t *told) news(list []complaint) []complaint {
	next := make(told, len(list))
	var news []complaint
	for _, c := range list {
		if _, old := (*t)[c]; !old {
			news = append(news, c)
		}
		next[c] = struct{}{}
	}
	*t = next
	return news
}

func (s Status) complaints() []complaint {
	var list []complaint
	for _, t := range s.Blocked {
		list = append(list, complaint{"service of IPVS is blocked", t.Key.String(), t.Reason})
	}
	for _, t := range s.Failed {
		list = append(list, complaint{"service of IPVS is not as wanted", t.Key.String(), t.Reason})
	}
	return list
}

// complain writes what is new to the log.
func (m *Manager) complain(list []complaint, errs []error) {
	for _, err := range errs {
		list = append(list, complaint{what: "IPVS is not as wanted", reason: err.Error()})
	}
	lines := grouped(m.told.news(list))
	for _, l := range lines[:min(len(lines), linesAtOnce)] {
		if l.subject == "" {
			m.log.Warn(l.what, "reason", l.reason)
		} else {
			m.log.Warn(l.what, "service", l.subject, "reason", l.reason, "services", l.subjects)
		}
	}
	if more := len(lines) - linesAtOnce; more > 0 {
		m.log.Warn("more of IPVS is not as wanted: see the status", "lines_suppressed", more)
	}
}

// line is the first of the complaints that differ in their subject only.
type line struct {
	complaint
	subjects int
}

func grouped(list []complaint) []line {
	var lines []line
	at := make(map[complaint]int)
	for _, c := range list {
		kind := complaint{what: c.what, reason: c.reason}
		i, again := at[kind]
		if !again {
			i = len(lines)
			at[kind] = i
			lines = append(lines, line{complaint: c})
		}
		lines[i].subjects++
	}
	return lines
}
