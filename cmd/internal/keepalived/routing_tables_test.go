package keepalived

import (
	"errors"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

const etcTables = `
# reserved
255	local
254	main
0 unspec
  100   office   # to the branch
0x65 hexadecimal
0146 octal
103 two names
104x bad
-5 minus
4294967296 over
105 twice
106 twice
4294967295 top
`

// tablesOf imports routes into tables, and returns what becomes of each.
func tablesOf(t *testing.T, files fstest.MapFS, globals string, names ...string) map[string]int {
	t.Helper()
	numbers := map[string]int{}
	for _, name := range names {
		files["keepalived.conf"] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"static_routes {\n 10.0.0.0/8 dev eth0 table %s\n}\nstatic_rules {\n from 10.0.0.0/8 table %s\n}\nglobal_defs {\n%s}\n", name, name, globals)}
		o := testOptions()
		o.Files = syntax.FSFiles{FS: files}
		r, err := Import("/keepalived.conf", o)
		var mistakes syntax.Mistakes
		switch {
		case errors.As(err, &mistakes):
			numbers[name] = -len(mistakes)
			continue
		case err != nil:
			t.Fatal(err)
		}
		cfg, _, err := r.Document.Render().Parse("perch.toml", "lb1")
		if err != nil {
			t.Fatal(err)
		}
		if a, b := cfg.Static.Routes[0].Table, cfg.Static.Rules[0].Table; a != b {
			t.Errorf("%s is %d for a route, and %d for a rule", name, a, b)
		}
		numbers[name] = int(cfg.Static.Routes[0].Table)
	}
	return numbers
}

func TestTableNames(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	both := fstest.MapFS{
		"etc/iproute2/rt_tables":                   file(etcTables),
		"etc/iproute2/rt_tables.d/b.conf":          file("120 later\n121 office\n"),
		"etc/iproute2/rt_tables.d/a.conf":          file("122 later\n"),
		"etc/iproute2/rt_tables.d/c.txt":           file("123 other\n"),
		"etc/iproute2/rt_tables.d/.d.conf":         file("124 hidden\n"),
		"etc/iproute2/rt_tables.d/folder.conf/x":   file("125 folder\n"),
		"usr/share/iproute2/rt_tables":             file("130 shared\n"),
		"usr/share/iproute2/rt_tables.d/a.conf":    file("131 overridden\n"),
		"usr/share/iproute2/rt_tables.d/dist.conf": file("132 dist\n"),
	}
	shared := fstest.MapFS{"usr/share/iproute2/rt_tables": file("130 shared\n254 first\n")}
	own := fstest.MapFS{"opt/rt_tables": file("140 own\n"), "srv/rt_tables": file("141 mine\n")}
	for _, tt := range []struct {
		name    string
		files   fstest.MapFS
		globals string
		want    map[string]int // -1 for each mistake
	}{
		{"both folders", both, "", map[string]int{
			"office": 100, "hexadecimal": 101, "octal": 102, "two": -2, "names": -2, "bad": -2, "minus": -2, "over": -2,
			"twice": 105, "top": 4294967295, "later": 122, "other": -2, "hidden": -2, "folder": -2,
			"shared": -2, "overridden": -2, "dist": 132,
			"local": 255, "main": 254, "default": 253, "7": 7, "0x10": 16,
		}},
		{"what is shared", shared, "", map[string]int{"shared": 130, "main": -2, "first": 254, "default": 253}},
		{"folders that the file names", own, " iproute_etc_dir /opt\n iproute_usr_dir /srv\n", map[string]int{"own": 140, "mine": -2}},
		{"no files", fstest.MapFS{}, "", map[string]int{"main": 254, "office": -2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, want := range tt.want {
				if got := tablesOf(t, tt.files, tt.globals, name)[name]; got != want {
					t.Errorf("%s is %d, want %d", name, got, want)
				}
			}
		})
	}
}
