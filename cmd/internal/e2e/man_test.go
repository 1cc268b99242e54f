package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// made runs a target of make that writes beside a perch that is built already, and returns
// the folder that it names.
func made(t *testing.T, target string) string {
	t.Helper()
	lab.NeedMake(t)
	dir := t.TempDir()
	bin := filepath.Join(dir, "perch")
	must(t, os.Symlink(perchBinary(t), bin))
	cmd := exec.Command("make", "-s", "--no-print-directory", "-C", "../../..", "-o", "build", target, "BIN="+bin, "VERSION=end-to-end")
	cmd.Env = append(os.Environ(), "MAKEFLAGS=") // of the make that runs this test
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", target, err, out)
	}
	return filepath.Join(dir, target)
}

// fonts are what a terminal is told of them.
var fonts = regexp.MustCompile("\x1b\\[[0-9;]*m|.\b")

// Each command that the help knows has its page, and neither man(1) nor mandoc(1) has anything
// to say against any.
func TestManualPages(t *testing.T) {
	t.Parallel()
	lab.NeedMan(t)
	dir := made(t, "man")
	for _, command := range append(commandsOf(t), "perch") {
		page := filepath.Join(dir, strings.ReplaceAll(command, " ", "-")+".1")
		if _, err := os.Stat(page); err != nil {
			t.Errorf("%s has no page: %v", command, err)
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.[15]"))
	must(t, err)
	if len(pages) < 25 {
		t.Fatalf("there are %d pages", len(pages))
	}
	for _, page := range pages {
		cmd := exec.Command("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", page)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANPAGER=cat", "MANWIDTH=80")
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil || said.Len() > 0 {
			t.Errorf("man %s: %v: %s", filepath.Base(page), err, said.String())
		}
		lint(t, page)
		for _, want := range []string{"NAME", "DESCRIPTION", "SEE ALSO"} {
			if !strings.Contains(fonts.ReplaceAllString(string(out), ""), "\n"+want+"\n") {
				t.Errorf("%s has no section %s", filepath.Base(page), want)
			}
		}
	}
}

// lint wants mandoc(1) to have nothing to say against a page but that it has no date: with one,
// pages of the same sources would differ.
func lint(t *testing.T, page string) {
	t.Helper()
	cmd := exec.Command("mandoc", "-T", "lint", "-W", "warning", page)
	out, err := cmd.CombinedOutput() // an error if it has anything to say
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, `missing date, using "": TH`) {
			t.Error(line)
		}
	}
}

// commandsOf lists the commands that the completion offers, and theirs.
func commandsOf(t *testing.T, path ...string) (commands []string) {
	t.Helper()
	out, err := exec.Command(perchBinary(t), append(append([]string{"__completeNoDesc"}, path...), "")...).Output()
	must(t, err)
	for line := range strings.Lines(string(out)) {
		name := strings.TrimSpace(line)
		if name == "help" || strings.HasPrefix(name, ":") || !strings.Contains(help(t, path...), "\n  "+name+" ") {
			continue
		}
		child := append(append([]string{}, path...), name)
		commands = append(append(commands, "perch "+strings.Join(child, " ")), commandsOf(t, child...)...)
	}
	return commands
}

func help(t *testing.T, path ...string) string {
	t.Helper()
	out, err := exec.Command(perchBinary(t), append(path, "--help")...).Output()
	must(t, err)
	return string(out)
}
