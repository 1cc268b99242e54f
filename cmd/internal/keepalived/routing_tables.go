package keepalived

import (
	"path"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// What is read of the names of routing tables at most.
const (
	mostTableFiles = 256
	mostTableBytes = 1 << 20 // of a file
)

// usualTables are those that have a name without a file.
var usualTables = [...]struct {
	id   int
	name string
}{{253, "default"}, {254, "main"}, {255, "local"}}

// tableNames are the numbers of routing tables by name, as iproute2's files have them.
type tableNames struct {
	etc, usr string // folders: what is in etc goes before
	ids      map[string]int
}

// tableNames returns the names, which are read for the first that is asked for.
func (im *importer) tableNames() *tableNames {
	if im.routing.tables == nil {
		t := &tableNames{
			etc: im.iprouteFolder("iproute_etc_dir", "/etc/iproute2"),
			usr: im.iprouteFolder("iproute_usr_dir", "/usr/share/iproute2"),
			ids: map[string]int{},
		}
		t.read(im.o.Files)
		im.routing.tables = t
	}
	return im.routing.tables
}

// iprouteFolder returns what the file says of a folder, wherever it says so.
func (im *importer) iprouteFolder(keyword, usual string) string {
	for _, block := range im.routing.root {
		if block.Keyword() != "global_defs" {
			continue
		}
		for _, s := range block.Block {
			if s.Keyword() == keyword && len(s.Args()) == 1 {
				return s.Args()[0]
			}
		}
	}
	return usual
}

// read reads all files. One that is not there, or cannot be read, has no names in it.
func (t *tableNames) read(files syntax.Files) {
	const name = "rt_tables"
	numbers := map[int]bool{}
	if !t.readFile(files, path.Join(t.etc, name), numbers) {
		t.readFile(files, path.Join(t.usr, name), numbers)
	}
	overridden := map[string]bool{}
	own := tableFiles(files, path.Join(t.etc, name+".d"))
	for _, file := range own {
		overridden[path.Base(file)] = true
	}
	for _, file := range tableFiles(files, path.Join(t.usr, name+".d")) {
		if !overridden[path.Base(file)] {
			t.readFile(files, file, numbers)
		}
	}
	for _, file := range own {
		t.readFile(files, file, numbers)
	}
	for _, usual := range usualTables {
		if !numbers[usual.id] {
			t.add(usual.name, usual.id)
		}
	}
}

// tableFiles returns the files of a folder that have names of tables in them, in their order.
func tableFiles(files syntax.Files, folder string) []string {
	list, err := files.Glob(path.Join(folder, "*.conf"))
	if err != nil {
		return nil
	}
	return list[:min(len(list), mostTableFiles)]
}

// readFile reads lines of a number and a name, and reports whether there is such a file.
func (t *tableNames) readFile(files syntax.Files, file string, numbers map[int]bool) bool {
	data, err := files.Read(file)
	if err != nil || len(data) > mostTableBytes {
		return false
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) != 2 {
			continue
		}
		if id, err := strconv.ParseUint(words[0], 0, 32); err == nil {
			numbers[int(id)] = true
			t.add(words[1], int(id))
		}
	}
	return true
}

// add adds a name, unless there is one already.
func (t *tableNames) add(name string, id int) {
	if _, there := t.ids[name]; !there {
		t.ids[name] = id
	}
}
