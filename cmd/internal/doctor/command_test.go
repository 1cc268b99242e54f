package doctor

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// programsOfCommands are those that a finding's command may begin with, or go on with.
var programsOfCommands = regexp.MustCompile(`^(apt|bpftool|cat|chgrp|chmod|chown|df|dmesg|dnf|echo|findmnt|firewall-cmd|grep|install|iostat|ip|ip6?tables|ls|mkdir|` +
	`modprobe|mount|nft|perch|ping|printf|ps|sed|ssh|sudo|sysctl|systemctl|systemd-detect-virt|tc|tcpdump|timedatectl|usermod|\$\{EDITOR:-vi\}) `)

// Each command is one that a shell takes as it is: nothing in it stands for something else, and
// it begins with a program.
func TestCommandsArePasted(t *testing.T) {
	golden, err := os.ReadFile(hostFile)
	must(t, err)
	var commands []string
	for line := range strings.Lines(string(golden)) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			commands = append(commands, strings.TrimSuffix(command, "\n"))
		}
	}
	for _, i := range illnesses() {
		p := newHost()
		i.make(p)
		for _, f := range Examine(p.Config, p.Facts) {
			if f.Command == "" {
				t.Errorf("%s: no command mends %s %s", i.name, f.Subject, f.Text)
			}
		}
	}
	if len(commands) < 100 {
		t.Fatalf("%d commands are in %s", len(commands), hostFile)
	}
	for _, command := range commands {
		done, _, _ := strings.Cut(command, " # ")
		for _, part := range strings.Split(done, " && ") {
			if !programsOfCommands.MatchString(part + " ") {
				t.Errorf("%q begins with no program: %q", command, part)
			}
		}
		if regexp.MustCompile(`\b[A-Z]{2,}-[A-Z]{2,}`).MatchString(done) {
			t.Errorf("%q is to be filled in", command)
		}
		if out, err := exec.CommandContext(t.Context(), "sh", "-n", "-c", command).CombinedOutput(); err != nil {
			t.Errorf("%q is nothing for a shell: %v %s", command, err, out)
		}
	}
}

// A shell reads a word as it was, whatever is in it.
func TestQuoted(t *testing.T) {
	for _, word := range []string{"/etc/perch/secret", "/a b", "/$(id)", "it's", "", "/a;b", "eth0.100", "/ünï"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quoted(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q becomes %q: %v", quoted(word), out, err)
		}
	}
	if got := quoted("/etc/perch/secret"); got != "/etc/perch/secret" {
		t.Errorf("%s needs no quotes", got)
	}
}

// The doctor is called again for the config that it was called for.
func TestCommandsNameTheConfig(t *testing.T) {
	for file, want := range map[string][2]string{
		"":                      {"sudo perch doctor", "${EDITOR:-vi} /etc/perch/perch.toml # x"},
		"/etc/perch/perch.toml": {"sudo perch doctor", "${EDITOR:-vi} /etc/perch/perch.toml # x"},
		"new one.toml":          {"sudo perch doctor -c 'new one.toml'", "${EDITOR:-vi} 'new one.toml' # x"},
	} {
		f := Facts{File: file}
		if got := [2]string{f.again(), f.edit("x")}; got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}
