package document

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
)

func at(line int) Place { return Place{"keepalived.conf", line} }

func sample() *Document {
	d := &Document{Head: []string{"from keepalived.conf"}, Tail: []string{"the end"}}
	r := d.Element("vrrp", at(3))
	r.Comments = []string{"the gateway\nof two lines", ""}
	r.Set("name", Text("gw"), at(3))
	r.Set("interface", Text("eth0"), at(4)).Remark = "the inside\n[node]"
	r.Set("vrid", Number(51), at(5))
	r.Set("advert_interval", Duration(500*time.Millisecond), at(6)).Comments = []string{"quick"}
	r.Set("addresses", List(
		Item{Value: Text("198.18.0.200/24"), Place: at(8), Comments: []string{"web"}},
		Item{Value: Text("198.18.0.201/24"), Place: at(9)},
	), at(7))
	r.Set("track_own_interface", Flag(false), Place{})
	auth := r.Table("auth", at(10))
	auth.Set("kind", Text("pass"), at(11))
	auth.Set("secret_file", Text("/etc/perch/\"x\"\\\n\x01é"), at(12))
	return d
}

const sampleText = `# from keepalived.conf

# the gateway
# of two lines
#
[[vrrp]]
name = "gw"
interface = "eth0" # the inside [node]
vrid = 51
# quick
advert_interval = "500ms"
addresses = [
    # web
    "198.18.0.200/24",
    "198.18.0.201/24",
]
track_own_interface = false

[vrrp.auth]
kind = "pass"
secret_file = "/etc/perch/\"x\"\\\n\u0001é"

# the end
`

func TestRender(t *testing.T) {
	r := sample().Render()
	if got := string(r.Text); got != sampleText {
		t.Errorf("got:\n%s\nwant:\n%s", got, sampleText)
	}
	for i, line := range strings.Split(sampleText, "\n") {
		switch {
		case strings.Contains(line, "198.18.0.201") && r.Place(i+1) != at(9),
			strings.HasPrefix(line, "track_own") && r.Place(i+1) != at(3):
			t.Errorf("line %d %q comes from %v", i+1, line, r.Place(i+1))
		}
	}
	if r.Place(0) != (Place{}) || r.Place(1000) != (Place{}) {
		t.Error("lines that are not there come from somewhere")
	}
}

// Mistakes and warnings name the place in the file that was imported.
func TestParse(t *testing.T) {
	d := &Document{}
	r := d.Element("vrrp", at(3))
	r.Set("name", Text("gw"), at(3))
	r.Set("interface", Text("eth0"), at(4))
	r.Set("vrid", Number(0), at(5))
	r.Set("addresses", Texts([]string{"198.18.0.200/24"}, at(8)), at(7))
	_, _, err := d.Parse("perch.toml", "lb1")
	mistakes, ok := err.(config.Mistakes)
	if !ok || len(mistakes) != 1 || mistakes[0].File != "keepalived.conf" || mistakes[0].Line != 5 {
		t.Fatalf("got %v", err)
	}
	if got := mistakes[0].String(); !strings.HasPrefix(got, "keepalived.conf:5: vrrp.vrid = 0: ") {
		t.Errorf("got %q", got)
	}
}

// What is wrong with a line from nowhere is said of the file as a whole.
func TestParseFromNowhere(t *testing.T) {
	d := &Document{Head: []string{"one", "two"}}
	d.Element("vrrp", Place{}).Set("vrid", Number(300), Place{})
	_, _, err := d.Parse("keepalived.conf", "lb1")
	mistakes, ok := err.(config.Mistakes)
	if !ok {
		t.Fatalf("got %v", err)
	}
	for _, m := range mistakes {
		if m.File != "keepalived.conf" || m.Line != 1 || m.Col != 0 {
			t.Errorf("got %s", m)
		}
	}
}

// What is too large is told of the file that it was made of.
func TestParseTooLarge(t *testing.T) {
	d := sample()
	d.Tail = []string{strings.Repeat("x", config.MaxSize)}
	_, _, err := d.Parse("keepalived.conf", "lb1")
	if want := "keepalived.conf:1: becomes a perch.toml of 16 MiB, and perch takes 16 MiB at most"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// What is said of other lines names their places, too.
func TestParseOtherLines(t *testing.T) {
	d := &Document{}
	for line := 10; line <= 20; line += 10 {
		r := d.Element("vrrp", at(line))
		r.Set("name", Text("gw"), at(line+1))
		r.Set("interface", Text("eth0"), at(line+2))
		r.Set("vrid", Number(line), at(line+3))
		r.Set("addresses", Texts([]string{"198.18.0.2" + strconv.Itoa(line) + "/24"}, at(line+4)), at(line+4))
	}
	_, _, err := d.Parse("perch.toml", "lb1")
	want := `keepalived.conf:21: vrrp.name = "gw": given before, at keepalived.conf:11; must be different for every [[vrrp]]`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: `"0s"`, time.Second: `"1s"`, 90 * time.Second: `"90s"`, 2 * time.Hour: `"2h"`,
		1500 * time.Millisecond: `"1500ms"`, 10 * time.Microsecond: `"10us"`, 3: `"3ns"`,
	} {
		if got := Duration(d).text; got != want {
			t.Errorf("Duration(%v) is %s, want %s", d, got, want)
		}
	}
}

func TestInline(t *testing.T) {
	v := Inline(Pair{"address", Text("198.18.0.2")}, Pair{"min_ttl", Number(254)})
	if want := `{address = "198.18.0.2", min_ttl = 254}`; v.text != want {
		t.Errorf("got %s, want %s", v.text, want)
	}
}

func TestLongListsTakeMoreLines(t *testing.T) {
	list := Texts([]string{strings.Repeat("x", 70), strings.Repeat("y", 70)}, Place{})
	if !list.long(9) {
		t.Error("a list of 140 bytes is written in one line")
	}
	if short := Texts([]string{"x", "y"}, Place{}); short.long(9) {
		t.Error("a short list takes more than one line")
	}
}
