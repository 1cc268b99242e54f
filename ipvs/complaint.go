package ipvs

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

// complain writes what is new to the log: one line for all services with one reason.
func (m *Manager) complain(list []complaint, errs []error) {
	for _, err := range errs {
		list = append(list, complaint{what: "IPVS is not as wanted", reason: err.Error()})
	}
	news := m.told.news(list)
	many := make(map[complaint]int)
	for _, c := range news {
		many[complaint{what: c.what, reason: c.reason}]++
	}
	for _, c := range news {
		kind := complaint{what: c.what, reason: c.reason}
		count := many[kind]
		delete(many, kind)
		switch {
		case count == 0: // told with the first one
		case c.subject == "":
			m.log.Warn(c.what, "reason", c.reason)
		default:
			m.log.Warn(c.what, "service", c.subject, "reason", c.reason, "services", count)
		}
	}
}
