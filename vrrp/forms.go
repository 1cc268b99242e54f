package vrrp

import "time"

// lately is for how long a form of checksum counts as heard. No interval is longer
// but those of version 2, where there is one form.
const lately = time.Minute

// forms is when the forms of checksums were heard last.
type forms [MulticastPseudoHeader + 1]time.Time

func (f *forms) hear(form Form, wall time.Time) { f[form] = wall }

// best returns the form to send in: the first one, which is the most common, unless
// only another one was heard lately. Who is content says nothing, so that what was
// heard last holds for as long as nothing else is heard.
func (f *forms) best() Form {
	var last time.Time
	for _, at := range f {
		if at.After(last) {
			last = at
		}
	}
	for form, at := range f {
		if last.Sub(at) < lately {
			return Form(form)
		}
	}
	return PseudoHeader
}
