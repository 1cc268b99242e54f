package board

import (
	"bytes"
	"compress/gzip"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

// lines puts each element of a page on a line of its own, as the golden files have them.
func lines(page []byte) string {
	return regexp.MustCompile(`(</(tr|p|li|h1|h2|summary|small|thead)>|<(section|details|main|tbody|ul|ol)[^>]*>)`).ReplaceAllString(string(page), "$0\n")
}

func TestPages(t *testing.T) {
	alone := full()
	alone.Status.Cluster, alone.Others, alone.Moves = nil, nil, nil
	lost := full()
	lost.Status.Cluster.State, lost.Status.Cluster.Leader = api.StateNoQuorum, ""
	for i := range lost.Status.VIPs {
		lost.Status.VIPs[i] = api.VIP{Address: lost.Status.VIPs[i].Address, Interface: "eth0", Reason: "lb1 sees no majority; the last owner it knows of is lb2"}
	}
	for name, v := range map[string]*View{
		"full": full(), "quiet": quiet(), "alone": alone, "lost": lost, "large": large(),
		"empty": {Now: noon, Status: api.Status{Node: "lb1", Version: "1.0.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".html")
			got := lines(Make(v).Page())
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A page keeps its size, whatever a site is.
func TestLargePageIsSmall(t *testing.T) {
	page := Make(large()).Page()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(page)
	_ = z.Close()
	files := len(Style) + len(Script) + len(Icon("bad"))
	t.Logf("page %d bytes, %d compressed; files %d bytes", len(page), zipped.Len(), files)
	if len(page) > 200_000 || zipped.Len()+files > 60_000 {
		t.Errorf("page of %d bytes, %d compressed, with files of %d bytes", len(page), zipped.Len(), files)
	}
}

const hostile = "<script>alert(1)</script>\"'&`\r\n\u202e\u2066\u200b\x00\x1b[31m\xff" + "\ndata: x\n\nevent: y"

// infest sets all texts that can be reached from a value.
func infest(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostile)
	case reflect.Pointer:
		if !v.IsNil() {
			infest(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			infest(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			infest(v.Field(i))
		}
	}
}

// Whatever stands in a name, a reason or an error is a text, and on one line.
func TestHostileTexts(t *testing.T) {
	v := full()
	infest(reflect.ValueOf(v).Elem())
	e := Make(v)
	tag := regexp.MustCompile(`<[^>]*>`)
	for _, s := range e.Sections {
		if len(s.HTML) == 0 {
			t.Errorf("%s: is empty", s.ID)
		}
		if i := bytes.IndexAny(s.HTML, "\r\n\x00\x1b"); i >= 0 {
			t.Errorf("%s: control character in …%q…", s.ID, s.HTML[max(0, i-50):i+5])
		}
		rest := tag.ReplaceAllString(string(s.HTML), "")
		if strings.ContainsAny(rest, "<>\"'\u202e\u2066\u200b") {
			t.Errorf("%s: not escaped:\n%s", s.ID, rest)
		}
	}
	for _, bad := range []string{"<script>alert", "alert(1)</script>", "\u202e", "\x1b"} {
		if strings.Contains(string(e.Page()), bad) {
			t.Errorf("%q is on the page", bad)
		}
	}
	// Attributes are closed where they should be: only these are there.
	attribute := regexp.MustCompile(` ([a-z-]+)(="[^"]*")?`)
	for _, element := range tag.FindAllString(string(e.Page()), -1) {
		for _, a := range attribute.FindAllStringSubmatch(element, -1) {
			if strings.HasPrefix(a[1], "on") {
				t.Errorf("element %s has a handler", element)
			}
		}
	}
}

func TestTexts(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"lb1", "lb1"},
		{`<a href="x">&'`, "&lt;a href=&#34;x&#34;&gt;&amp;&#39;"},
		{"a\nb\tc\x00", `a\u000ab\u0009c\u0000`},
		{"\u202eevil\u2028\u00a0", `\u202eevil\u2028\u00a0`},
		{"\U000e0041", `\u0e0041`},
		{"a\xffb", "a\ufffdb"},
		{"Zürich 東京 →", "Zürich 東京 →"},
		{strings.Repeat("ä", maxText), strings.Repeat("ä", maxText)},
		{strings.Repeat("ä", maxText+1), strings.Repeat("ä", maxText) + "…"},
	} {
		if got := string(appendText(nil, tt.in)); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestShortNumbers(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 9999: "9999", 10_000: "10.0k", 99_949: "99.9k", 123_456: "123k", 999_999: "999k", 1_000_000: "1.0M",
		45_678_901: "45.6M", 1 << 63: "9.2E",
	} {
		if got := string(appendShort(nil, n)); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func events(changes []Change) (list []string) {
	for _, c := range changes {
		key, _, _ := strings.Cut(string(c.Data), "\n")
		id, _, _ := strings.Cut(key, ":")
		list = append(list, c.Event+" "+id)
	}
	return list
}

func TestChanges(t *testing.T) {
	first := Make(full())
	busy := full()
	busy.Status.Services[0].Servers[0].Counters.ConnectionRate = 5
	second := Make(busy)
	busy.Status.VIPs[0].Owner = "lb2"
	third := Make(busy)
	for _, tt := range []struct {
		name string
		got  []Change
		want []string
	}{
		{"nothing is new", first.Changes(first.Keys(), first), nil},
		{"a number", second.Changes(first.Keys(), first), []string{"numbers services"}},
		{"a number and an owner", third.Changes(first.Keys(), first), []string{"section vips", "numbers services"}},
		{"a browser with an older page", third.Changes(first.Keys(), nil), []string{"section vips", "numbers nodes", "numbers vrrp", "numbers checks", "numbers services", "numbers notify"}},
	} {
		if diff := cmp.Diff(tt.want, events(tt.got)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, diff)
		}
	}
	if all := first.Changes(nil, nil); len(all) != len(first.Sections) {
		t.Errorf("%d changes for a browser without a page, want all %d sections", len(all), len(first.Sections))
	}
}

// Numbers stand where the script puts them: one for each <i> of the section.
func TestNumbersFit(t *testing.T) {
	for _, s := range Make(full()).Sections {
		marks, numbers := bytes.Count(s.HTML, []byte("<i>")), bytes.Count(s.Numbers, []byte(" "))
		if marks != numbers {
			t.Errorf("%s: %d numbers for %d places: %q", s.ID, numbers, marks, s.Numbers)
		}
	}
}
