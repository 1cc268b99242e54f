//go:build ipvs

package balance

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/keepalived"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// The same services in the words of both, and what ipvsadm is to save of them.
var (
	//go:embed testdata/alike/perch.toml
	alikePerch string
	//go:embed testdata/alike/keepalived.conf
	alikeKeepalived string
	//go:embed testdata/alike/saved.txt
	alikeSaved string
	//go:embed testdata/imported
	importedFiles embed.FS
	//go:embed testdata/numbers/keepalived.conf
	numbersKeepalived string
)

// keepalived(8) and perch make the same of the same services.
func TestBalanceLikeKeepalived(t *testing.T) {
	b := newBed(t)
	ours, theirs := b.directors[0], b.directors[1]
	perch := b.balanceByPerch(ours, alikePerch)
	conf := b.balanceByKeepalived(theirs, alikeKeepalived)
	want := lines(alikeSaved)
	for _, d := range []*director{ours, theirs} {
		eventuallySaves(d, want)
	}
	// What it does not save.
	for list, want := range map[string]string{"--timeout": ": 600 60 30", "--thresholds": "10.0.0.6:80 100 50 "} {
		got, same := lines(ours.ipvsadm("", "-Ln", list)), lines(theirs.ipvsadm("", "-Ln", list))
		if text := strings.Join(got, "\n"); !slices.Equal(got, same) || !strings.Contains(text, want) {
			t.Errorf("ipvsadm -Ln %s of perch:\n%s\nof keepalived:\n%s\nwant %q", list, text, strings.Join(same, "\n"), want)
		}
	}
	must(t, perch.Kill())
	ours.ipvsadm("", "-C")
	b.balanceByPerch(ours, importedFrom(t, conf))
	eventuallySaves(ours, want)
}

// perch makes of files of keepalived(8) what that makes of them, also while a server is
// dead, and when it is back.
func TestBalanceImported(t *testing.T) {
	b := newBed(t)
	ours, theirs := b.directors[0], b.directors[1]
	dir := tempDir(t)
	must(t, os.CopyFS(dir, importedFiles))
	conf := filepath.Join(dir, "testdata/imported/keepalived.conf")
	b.balanceByPerch(ours, importedFrom(t, conf))
	b.runKeepalived(theirs, conf)
	alike := func(file string) {
		t.Helper()
		want, err := importedFiles.ReadFile("testdata/imported/" + file)
		must(t, err)
		eventuallySaves(theirs, lines(string(want)))
		eventuallySaves(ours, lines(string(want)))
	}
	alike("healthy.txt")
	must(t, b.webs[1].Kill())
	alike("failed.txt")
	must(t, b.webs[1].Start())
	alike("healthy.txt")
}

// A number in a file does to servers what it does with keepalived(8), also before there is a
// file, and after it is gone.
func TestBalanceImportedNumbers(t *testing.T) {
	b := newBed(t)
	ours, theirs := b.directors[0], b.directors[1]
	dir := tempDir(t)
	conf := b.balanceByKeepalived(theirs, strings.ReplaceAll(numbersKeepalived, "@DIR@", dir))
	b.balanceByPerch(ours, importedFrom(t, conf))
	for _, row := range []struct{ file, text, weights string }{
		{"", "", "5 5 5 5 21 10"},
		{"load", "3\n", "8 0 5 8 12 13"},
		{"out", "1\n", "8 0 - 0 12 13"},
		{"load", "-7\n", "0 19 - 0 42 3"},
		{"out", "0\n", "0 19 5 0 42 3"},
		{"load", "", "5 5 5 5 21 10"},
		{"spare", "-7\n", "5 5 5 5 0 10"},
	} {
		switch file := filepath.Join(dir, row.file); {
		case row.text != "":
			must(t, os.WriteFile(file, []byte(row.text), 0o600))
		case row.file != "":
			must(t, os.Remove(file))
		}
		want := []string{"-A -t 198.18.0.160:80 -s wrr"}
		for i, weight := range strings.Fields(row.weights) {
			if weight != "-" {
				want = append(want, fmt.Sprintf("-a -t 198.18.0.160:80 -r 10.9.0.%d:80 -g -w %s", i+1, weight))
			}
		}
		eventuallySaves(theirs, want)
		eventuallySaves(ours, want)
	}
}

// importedFrom returns the perch.toml that a keepalived.conf becomes.
func importedFrom(t *testing.T, conf string) string {
	t.Helper()
	imported, err := keepalived.Import(conf, keepalived.Options{})
	must(t, err)
	return string(imported.Document.Render().Text)
}

// balanceByPerch starts perch on a director, alone.
func (b *bed) balanceByPerch(d *director, tables string) *lab.Daemon {
	b.t.Helper()
	if *perchBinary == "" {
		b.t.Fatal("needs -perch")
	}
	dir := tempDir(b.t)
	node := fmt.Sprintf("[node]\nname = %q\ndata_dir = %q\nsocket = %q\nfence = \"bpf\"\n\n", d.Name, dir, filepath.Join(dir, "socket"))
	file := filepath.Join(dir, "perch.toml")
	must(b.t, os.WriteFile(file, []byte(node+tables), 0o600))
	daemon := lab.NewDaemon("perch on "+d.Name, d.Host, dir, *perchBinary, "serve", "-c", file)
	b.run(daemon)
	return daemon
}

// balanceByKeepalived starts keepalived on a director, without VRRP, and returns its file.
func (b *bed) balanceByKeepalived(d *director, conf string) (file string) {
	b.t.Helper()
	file = filepath.Join(tempDir(b.t), "keepalived.conf")
	must(b.t, os.WriteFile(file, []byte(conf), 0o600))
	b.runKeepalived(d, file)
	return file
}

// runKeepalived starts keepalived with a file that is there.
func (b *bed) runKeepalived(d *director, conf string) {
	b.t.Helper()
	dir := tempDir(b.t)
	file := func(name string) string { return filepath.Join(dir, name) }
	b.run(lab.NewDaemon("keepalived on "+d.Name, d.Host, dir, "keepalived", "--check", "--dont-fork", "--log-console", "--no-syslog",
		"--log-detail", "-f", conf, "-p", file("pid"), "-r", file("vrrp.pid"), "-c", file("checkers.pid")))
}

// run starts a daemon, whose log tells of a failure of the test.
func (b *bed) run(d *lab.Daemon) {
	b.t.Helper()
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("log of %s:\n%s", d.Name, d.LogTail(60))
		}
	})
	must(b.t, d.Start())
}

// eventuallySaves waits until ipvsadm saves these lines of a director, in any order.
func eventuallySaves(d *director, want []string) {
	t := d.bed.t
	t.Helper()
	var got []string
	defer func() {
		if t.Failed() {
			t.Errorf("ipvsadm -Sn of %s:\n%s\nwant:\n%s", d.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}()
	eventually(t, d.Name+" has the services", func() bool {
		got = lines(d.ipvsadm("", "-Sn"))
		return slices.Equal(got, want)
	})
}

// lines are those of a text, sorted, with single spaces.
func lines(text string) (sorted []string) {
	for line := range strings.Lines(text) {
		sorted = append(sorted, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(sorted)
	return sorted
}
