package seesaw

// place is where something stands in a text. Both count from 1, columns in characters.
type place struct{ line, col int }

func (p place) before(q place) bool { return p.line < q.line || p.line == q.line && p.col < q.col }

// field is a field of a text protobuf as it is written: where it stands, the fields of a
// message, and the comments before it and behind it on its line.
type field struct {
	place
	name     string
	comments []string
	fields   []*field
}

// every are the fields of one name in a message.
type every struct {
	fields  []*field
	message *field
}

// every returns the fields of that name.
func (f *field) every(name string) every {
	e := every{message: f}
	for _, within := range f.fields {
		if within.name == name {
			e.fields = append(e.fields, within)
		}
	}
	return e
}

// nth returns the nth of them, from 0, or the message where there is none: a field can be
// written by its number.
func (e every) nth(n int) *field {
	if n >= len(e.fields) {
		return e.message
	}
	return e.fields[n]
}

// one returns the field of that name, or f itself where there is none.
func (f *field) one(name string) *field { return f.every(name).nth(0) }

// at returns where the field of that name stands, or f itself where there is none.
func (f *field) at(name string) place { return f.one(name).place }

// carried are the messages whose comments go with what they become.
var carried = map[string]bool{"node": true, "vserver": true, "vserver_entry": true, "backend": true, "healthcheck": true}

// said takes the comments of a field and all within it, but for messages that carry their own.
// It has them once: what is written twice says it the first time.
func (f *field) said() []string {
	comments := f.comments
	f.comments = nil
	for _, within := range f.fields {
		if !carried[within.name] {
			comments = append(comments, within.said()...)
		}
	}
	return comments
}

// scan finds the fields of a text that prototext has read: it relies on that being well formed.
// The field that it returns is the message as a whole; its own comments are those behind all
// fields.
func scan(text []byte) *field {
	root := &field{place: place{1, 1}}
	s := &scanner{words: words{text: text, place: root.place}, open: []level{{message: root}}}
	for {
		w, ok := s.next()
		if !ok {
			root.comments = s.comments
			return root
		}
		s.take(w)
	}
}

// scanner makes fields of words.
type scanner struct {
	words
	open     []level // the messages that are open, the innermost last
	comments []string
	last     *field // whose comment may stand behind it
}

// level is a message that is open.
type level struct {
	message *field
	name    *word // of the field whose value comes next; nil before a name
	list    bool  // whether that is a list of values
	joined  bool  // whether a string may go on that has been taken
}

func (s *scanner) take(w word) {
	top := &s.open[len(s.open)-1]
	switch w.kind {
	case '#':
		s.comment(w)
	case '{', '<':
		if top.name != nil {
			s.open = append(s.open, level{message: s.add(top, w)})
		}
	case '}', '>':
		if len(s.open) > 1 {
			s.last = top.message
			s.open = s.open[:len(s.open)-1]
		}
	case '[':
		top.list = true
	case ']':
		top.list, top.name = false, nil
	case ',', ';':
		top.joined = false
	case 'x', '"':
		s.word(top, w)
	}
}

// word takes a name, or a value that is no message.
func (s *scanner) word(top *level, w word) {
	switch {
	case w.kind == '"' && top.joined: // "two " "parts"
	case top.name == nil && w.kind == 'x':
		top.name, top.joined = &w, false
	case top.name != nil:
		s.add(top, w)
		top.joined = w.kind == '"'
	}
}

// add adds a field to the message of the level. In a list each value is one, and stands where
// it begins.
func (s *scanner) add(top *level, w word) *field {
	f := &field{place: top.name.place, name: top.name.text, comments: s.comments}
	if top.list {
		f.place = w.place
	} else {
		top.name = nil
	}
	top.message.fields = append(top.message.fields, f)
	s.comments, s.last = nil, f
	return f
}

// comment keeps a comment for the field on its line, or else for the next one.
func (s *scanner) comment(w word) {
	if s.last != nil && !w.first {
		s.last.comments = append(s.last.comments, w.text)
		return
	}
	s.comments = append(s.comments, w.text)
}
