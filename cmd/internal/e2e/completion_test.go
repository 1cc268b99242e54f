package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// completed are lines as they are typed, and what a tab makes of them. The names of nodes are
// those of the cluster, which the daemon is asked for.
var completed = []struct{ typed, becomes string }{
	{"perch tr", "perch transfer"},
	{"perch import kee", "perch import keepalived"},
	{"perch status --wat", "perch status --watch"},
	{"perch status --output j", "perch status --output json"},
	{"perch import keepalived --to b", "perch import keepalived --to both"},
	{"perch transfer l", "perch transfer lb"},
	{"perch remove lb2", "perch remove lb2"},
	{"perch transfer x", "perch transfer x"},
}

// bash, zsh and fish, each with the script where its package has it, complete what is typed.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	lab.NeedShells(t)
	dir := made(t, "completions")
	c := startCluster(t)
	c.settled()
	for name, shell := range map[string]func(*testing.T, string, *lab.Node) func(string) string{
		"bash": inBash, "zsh": inZsh, "fish": inFish,
	} {
		t.Run(name, func(t *testing.T) {
			complete := shell(t, dir, c.Nodes[0])
			for _, line := range completed {
				if got := complete(line.typed); got != line.becomes {
					t.Errorf("%q becomes %q, want %q", line.typed, got, line.becomes)
				}
			}
		})
	}
}

// shellEnv is the environment of a shell in a folder of its own, where perch is a command that
// asks the daemon of a node.
func shellEnv(t *testing.T, dir string, n *lab.Node) []string {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	must(t, os.Mkdir(bin, 0o755))
	must(t, os.Symlink(perchBinary(t), filepath.Join(bin, "perch")))
	return append(os.Environ(), "PATH="+bin+":/usr/bin:/bin", "HOME="+dir, "XDG_DATA_HOME="+dir, "HISTFILE=", "TERM=dumb", "PERCH_SOCKET="+n.Socket())
}

func inBash(t *testing.T, scripts string, n *lab.Node) func(string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "bash-completion/completions"), 0o755))
	copyFile(t, filepath.Join(scripts, "perch.bash"), filepath.Join(dir, "bash-completion/completions/perch"))
	must(t, os.WriteFile(filepath.Join(dir, "rc"), []byte(". /usr/share/bash-completion/bash_completion\nPS1='ready> '\n"), 0o600))
	return newShell(t, dir, shellEnv(t, dir, n), "bash --noprofile --rcfile rc -i").complete
}

func inZsh(t *testing.T, scripts string, n *lab.Node) func(string) string {
	t.Helper()
	dir := t.TempDir()
	copyFile(t, filepath.Join(scripts, "_perch"), filepath.Join(dir, "_perch"))
	rc := fmt.Sprintf("fpath=(%q $fpath)\nautoload -Uz compinit\ncompinit -u\nbindkey -e\nunsetopt prompt_sp\nPS1='ready> '\n", dir)
	must(t, os.WriteFile(filepath.Join(dir, ".zshrc"), []byte(rc), 0o600))
	return newShell(t, dir, append(shellEnv(t, dir, n), "ZDOTDIR="+dir), "zsh -d -i").complete
}

// inFish asks fish for what it would offer: of several words their beginning.
func inFish(t *testing.T, scripts string, n *lab.Node) func(string) string {
	t.Helper()
	dir := t.TempDir()
	env := shellEnv(t, dir, n)
	return func(typed string) string {
		t.Helper()
		cmd := exec.Command("fish", "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, filepath.Join(scripts, "perch.fish"), typed)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.Output()
		must(t, err)
		common, offered := "", false
		for line := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			if !offered {
				common, offered = word, true
			}
			for !strings.HasPrefix(word, common) {
				common = common[:len(common)-1]
			}
		}
		if !offered {
			return typed
		}
		return typed[:strings.LastIndex(typed, " ")+1] + common
	}
}

// shell is one that has a terminal.
type shell struct {
	t    *testing.T
	keys interface{ Write([]byte) (int, error) }

	mu     sync.Mutex
	screen bytes.Buffer
}

// Write takes what the shell shows.
func (s *shell) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.Write(text)
}

func newShell(t *testing.T, dir string, env []string, command string) *shell {
	t.Helper()
	s := &shell{t: t}
	cmd := exec.Command("script", "-q", "-e", "-c", command, "/dev/null") // which gives it one
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, s, s
	keys, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	s.keys = keys
	t.Cleanup(func() {
		_ = keys.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return s
}

// What a shell shows when it waits for a line, and when it has told what the line was.
var (
	prompted = regexp.MustCompile(`ready> ()`)
	told     = regexp.MustCompile(`\n<([^>]*)>\r?\n`)
)

// complete types the beginning of a line and a tab, and returns the line then. It has the shell
// tell: its keys for the beginning and the end of the line, as in Emacs, put an echo around it.
func (s *shell) complete(typed string) string {
	s.t.Helper()
	s.shows(prompted)
	_, err := s.keys.Write([]byte(typed + "\t\x01echo '<\x05>'\n"))
	must(s.t, err)
	return strings.TrimSpace(s.shows(told))
}

// shows waits until the shell shows something, and returns what is in its parentheses. What has
// come until then is not looked at again.
func (s *shell) shows(what *regexp.Regexp) string {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(byLooking) {
		s.mu.Lock()
		found := what.FindSubmatchIndex(s.screen.Bytes())
		if found == nil {
			s.mu.Unlock()
			continue
		}
		text := string(s.screen.Bytes()[found[2]:found[3]])
		s.screen.Next(found[1])
		s.mu.Unlock()
		return text
	}
	s.t.Fatalf("still not after %s: the shell shows %s, but %q", patience, what, s.screen.String())
	return ""
}
