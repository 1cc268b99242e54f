package seesaw

import "google.golang.org/protobuf/reflect/protoreflect"

// required finds fields that must be there and are not, in a message and all within it.
func (im *importer) required(m protoreflect.Message, f *field) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		d := fields.Get(i)
		name := string(d.Name())
		switch {
		case d.Cardinality() == protoreflect.Required && !m.Has(d):
			im.wrong(f.place, of(f)+name+" is missing")
		case d.Message() == nil:
		case d.IsList():
			list, written := m.Get(d).List(), f.every(name)
			for n := range list.Len() {
				im.required(list.Get(n).Message(), written.nth(n))
			}
		case m.Has(d):
			im.required(m.Get(d).Message(), f.one(name))
		}
	}
}

// of returns the name of the message that a mistake is in.
func of(f *field) string {
	if f.name == "" {
		return ""
	}
	return f.name + ": "
}
