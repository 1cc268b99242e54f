package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages returns the pages with commands: README.md, docs/ and those of the examples.
func pages(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{"README.md", "docs/*.md", "deploy/examples/*.md", "deploy/examples/*/*.md"} {
		files, err := filepath.Glob("../../" + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		all = append(all, files...)
	}
	return all
}

// Every perch command in a block of README.md, docs/ and the examples is one that this binary
// understands.
func TestCommandsInTheDocsParse(t *testing.T) {
	for _, file := range pages(t) {
		for _, line := range commandsIn(t, file) {
			args := strings.Fields(line)[1:]
			root := newRootCommand()
			root.InitDefaultCompletionCmd(args...)
			cmd, rest, err := root.Find(args)
			if err != nil {
				t.Errorf("%s: %s: %v", file, line, err)
				continue
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %s: %v", file, line, err)
				continue
			}
			if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
				t.Errorf("%s: %s: %v", file, line, err)
			}
		}
	}
}

// Every perch command that a sentence of README.md or docs/ has is one, with such flags. In a
// sentence arguments may be missing, or stand for others.
func TestCommandsInSentences(t *testing.T) {
	inSentence, found := regexp.MustCompile("`(perch [a-z][^`]*)`"), 0
	for _, file := range append(pages(t), "../../CHANGELOG.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range inSentence.FindAllStringSubmatch(string(text), -1) {
			found++
			root, args := newRootCommand(), strings.Fields(match[1])[1:]
			root.InitDefaultCompletionCmd(args...)
			root.InitDefaultHelpCmd()
			cmd, rest, err := root.Find(args)
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil && cmd.HasSubCommands() {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: %s: %v", file, match[1], err)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d commands found", found)
	}
}

var (
	// shellLine is a line of an indented block, or of a block of shell commands.
	shellLine = regexp.MustCompile(`(?m)^(?:    |\t)(.*)$`)
	shellText = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	// before is what may stand in front of a command, and another user or host run it.
	before   = regexp.MustCompile(`^(?:\$ |sudo (?:-u \w+ )?|ip netns exec \S+ |ssh \S+ |docker exec \S+ /usr/bin/|until |if )*`)
	trailing = regexp.MustCompile(`\s+(?:#|&|\||>|>>|2>)(?:\s|/|&|[a-z$]).*$|[;)]+$`)
	joint    = regexp.MustCompile(`\s(?:&&|\|\||\|)\s|\$\(`)
)

// commandsIn returns the commands of a file without comments, redirections and
// line breaks. Usage lines, which name their arguments, are left out.
func commandsIn(t *testing.T, file string) []string {
	t.Helper()
	text := regexp.MustCompile(`\\\n\s+`).ReplaceAllString(readPage(t, file), "")
	var lines []string
	for _, match := range shellLine.FindAllStringSubmatch(text, -1) {
		lines = append(lines, match[1])
	}
	for _, match := range shellText.FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.Split(match[1], "\n")...)
	}
	var commands []string
	for _, line := range lines {
		for _, part := range joint.Split(line, -1) {
			part = strings.TrimSpace(part)
			part = trailing.ReplaceAllString(strings.TrimPrefix(part, before.FindString(part)), "")
			if regexp.MustCompile(`^perch [a-z-]`).MatchString(part) && !strings.Contains(part, "[") {
				commands = append(commands, part)
			}
		}
	}
	return commands
}

// A command is found whatever stands around it.
func TestCommandsAreFound(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	text := "    $ sudo perch events --follow\n    perch check && perch doctor # both\n    docker exec perch /usr/bin/perch status\n" +
		"    sudo -u perch perch check --secrets\n    perch init \\\n        --name lb1 >/dev/null\n    perch: no command\n    perch drain [NODE]\n" +
		"perch neither\n```sh\nif perch status -c $n/perch.toml 2>/dev/null | grep x; then\nperch transfer lb1\n```\n"
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"perch events --follow", "perch check", "perch doctor", "perch status", "perch check --secrets", "perch init --name lb1",
		"perch status -c $n/perch.toml", "perch transfer lb1",
	}
	if got := commandsIn(t, page); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestReadmeHasCommands(t *testing.T) {
	if found := commandsIn(t, "../../README.md"); len(found) < 6 {
		t.Errorf("only %q were found: the test above looks in the wrong place", found)
	}
}

// The init line of the README writes a config that is valid.
func TestReadmeInit(t *testing.T) {
	for _, line := range commandsIn(t, "../../README.md") {
		if !strings.HasPrefix(line, "perch init ") {
			continue
		}
		dir := t.TempDir()
		args := append(strings.Fields(line)[1:], "--dir", dir)
		for _, args := range [][]string{args, {"check", "-c", filepath.Join(dir, "perch.toml")}} {
			var out strings.Builder
			if code := run(t.Context(), args, &out, &out); code != 0 {
				t.Fatalf("perch %s: exit code %d\n%s", strings.Join(args, " "), code, &out)
			}
		}
		return
	}
	t.Error("README.md does not show perch init")
}
