package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every perch command in an indented block of README.md and docs/ is one that
// this binary understands.
func TestCommandsInTheDocsParse(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../README.md") {
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
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	inSentence, found := regexp.MustCompile("`(perch [a-z][^`]*)`"), 0
	for _, file := range append(files, "../../README.md", "../../CHANGELOG.md") {
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
	perchCommand = regexp.MustCompile(`(?m)^    (?:sudo )?(perch [a-z].*)$`)
	trailing     = regexp.MustCompile(`\s+(?:#|&|\||>).*$`)
)

// commandsIn returns the commands of a file without comments, redirections and
// line breaks. Usage lines, which name their arguments, are left out.
func commandsIn(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	joined := regexp.MustCompile(`\\\n\s+`).ReplaceAllString(string(data), "")
	var commands []string
	for _, match := range perchCommand.FindAllStringSubmatch(joined, -1) {
		line := trailing.ReplaceAllString(match[1], "")
		if !strings.ContainsAny(line, "[") {
			commands = append(commands, line)
		}
	}
	return commands
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
