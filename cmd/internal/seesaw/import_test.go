package seesaw

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
)

var update = flag.Bool("update", false, "write what is got to testdata")

// Each cluster.pb in testdata/golden becomes the .toml beside it, with the remarks that are
// there, too. That it passes "perch check" is a part of Import.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.pb")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".pb")
		t.Run(filepath.Base(name), func(t *testing.T) {
			result, err := Import(filepath.Base(file), read(t, file), Options{Interface: "eth1", Cluster: "site"})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".toml", string(result.Document.Render().Text))
			golden(t, name+".remarks", remarks(result))
		})
	}
}

// remarks has a line for each remark; "lost" begins those of fields without an equivalent.
func remarks(r *Result) string {
	var b strings.Builder
	for _, remark := range r.Remarks {
		if remark.Lost {
			b.WriteString("lost ")
		}
		b.WriteString(config.Warning{File: remark.File, Line: remark.Line, Col: remark.Col, Text: remark.About()}.String() + "\n")
	}
	return b.String()
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(read(t, file)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// Each file in testdata/mistakes has all that is wrong with it in lines that begin with # want:
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.pb")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".pb"), func(t *testing.T) {
			text := read(t, file)
			var want []string
			for line := range strings.Lines(string(text)) {
				if w, ok := strings.CutPrefix(line, "# want: "); ok {
					want = append(want, strings.TrimSpace(w))
				}
			}
			_, err := Import("cluster.pb", text, Options{})
			if mistakes := (config.Mistakes{}); !errors.As(err, &mistakes) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

const least = `
seesaw_vip { fqdn: "lb" ipv4: "198.18.0.1/24" status: PRODUCTION }
node { fqdn: "lb1" ipv4: "198.18.0.2/24" }
vserver {
  name: "a" rp: "b" entry_address { fqdn: "c" ipv4: "198.18.0.100/24" }
  vserver_entry { protocol: TCP port: 80 healthcheck { type: TCP } }
  backend { host { fqdn: "d" ipv4: "198.18.0.11/24" } }
}`

// What seesaw.cfg says is guessed, with a remark, or given.
func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o           Options
		want, guess string
	}{
		{Options{}, `interface = "eth0"`, `interface "eth0" is a guess`},
		{Options{}, `name = "seesaw"`, `cluster name "seesaw" is a guess`},
		{Options{Interface: "bond0", Cluster: "edge"}, `interface = "bond0"`, ""},
		{Options{Interface: "bond0", Cluster: "edge"}, `name = "edge"`, ""},
		{Options{Interface: "bond0", Cluster: "edge", Anycast: []netip.Prefix{netip.MustParsePrefix("198.18.0.96/27")}}, `vips = ["198.18.0.100"]`, ""},
	} {
		result, err := Import("cluster.pb", []byte(least), c.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(result.Document.Render().Text); !strings.Contains(got, c.want) {
			t.Errorf("%+v: no %s in\n%s", c.o, c.want, got)
		}
		if got := remarks(result); c.guess != "" && !strings.Contains(got, c.guess) || c.guess == "" && strings.Contains(got, "guess") {
			t.Errorf("%+v: wanted %q in\n%s", c.o, c.guess, got)
		}
	}
}

// FuzzImport: nothing makes Import panic, and what it returns passes "perch check".
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.pb")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(least))
	f.Fuzz(func(t *testing.T, text []byte) {
		result, err := Import("cluster.pb", text, Options{})
		if mistakes := (config.Mistakes{}); err != nil && !errors.As(err, &mistakes) {
			t.Fatalf("%v is not config.Mistakes", err)
		}
		if err != nil {
			return
		}
		if again, err := Import("cluster.pb", text, Options{}); err != nil || remarks(again) != remarks(result) ||
			string(again.Document.Render().Text) != string(result.Document.Render().Text) {
			t.Errorf("a second import differs: %v", err)
		}
	})
}
