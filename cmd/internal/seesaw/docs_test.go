package seesaw

import (
	"os"
	"strings"
	"testing"

	pb "github.com/google/seesaw/pb/config"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Every field and every value of Seesaw's types has its row in docs/import-seesaw.md: in the
// part of its message, where that has one.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../../docs/import-seesaw.md")
	if err != nil {
		t.Fatal(err)
	}
	all := string(text)
	messages := (&pb.Cluster{}).ProtoReflect().Descriptor().ParentFile().Messages()
	for i := range messages.Len() {
		m := messages.Get(i)
		part := partOf(all, string(m.Name()))
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			if !rowOf(part, string(f.Name())) {
				t.Errorf("no row for %s of %s", f.Name(), m.Name())
			}
			if e := f.Enum(); e != nil {
				known(t, all, e)
			}
		}
	}
}

// partOf returns the part of a message, or all.
func partOf(text, name string) string {
	_, part, found := strings.Cut(text, "# "+name+"\n")
	if !found {
		return text
	}
	part, _, _ = strings.Cut(part, "\n#")
	return part
}

// rowOf says whether the first cell of a row has the name.
func rowOf(text, name string) bool {
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && strings.Contains(cells[1], "`"+name+"`") {
			return true
		}
	}
	return false
}

func known(t *testing.T, text string, e protoreflect.EnumDescriptor) {
	t.Helper()
	for i := range e.Values().Len() {
		name := string(e.Values().Get(i).Name())
		if e.FullName() != "Protocol" && name != "PLAIN" && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("nothing of %s of %s", name, e.FullName())
		}
	}
}
