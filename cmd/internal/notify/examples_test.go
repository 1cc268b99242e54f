package notify

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The examples of docs/notify.md take a request of perch, and no other.
func TestVerificationExamples(t *testing.T) {
	docs, err := os.ReadFile("../../../docs/notify.md")
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"version":1,"id":"x"}`)
	for language, run := range map[string][]string{"python": {"python3"}, "go": {"go", "run"}} {
		_, rest, _ := strings.Cut(string(docs), "```"+language+"\n")
		program, _, found := strings.Cut(rest, "```")
		if !found {
			t.Errorf("docs/notify.md has no example in %s", language)
			continue
		}
		path := filepath.Join(t.TempDir(), "verify."+map[string]string{"python": "py", "go": "go"}[language])
		if err := os.WriteFile(path, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		try := func(header string, body []byte) error {
			command := exec.Command(run[0], append(run[1:len(run):len(run)], path, header, "key")...)
			command.Stdin = strings.NewReader(string(body))
			return command.Run()
		}
		good := signature([]byte("key"), body, time.Now())
		if err := try(good, body); err != nil {
			t.Errorf("%s: a good one: %v", language, err)
		}
		for what, header := range map[string]string{
			"another key": signature([]byte("no"), body, time.Now()),
			"an old one":  signature([]byte("key"), body, time.Now().Add(-time.Hour)),
			"nonsense":    "v1=abc",
		} {
			if try(header, body) == nil {
				t.Errorf("%s: %s is taken", language, what)
			}
		}
		if try(good, append(body, ' ')) == nil {
			t.Errorf("%s: another body is taken", language)
		}
	}
}
