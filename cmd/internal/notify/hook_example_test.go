package notify

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cloud runs the example of a converge hook against the fake.
type cloud struct {
	t   *testing.T
	dir string
}

func (c cloud) has(text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "address"), []byte(text+"\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c cloud) want(text string) {
	c.t.Helper()
	got, err := os.ReadFile(filepath.Join(c.dir, "address"))
	if err != nil || strings.TrimSpace(string(got)) != text {
		c.t.Errorf("the address is %q (%v), want %q", got, err, text)
	}
}

func (c cloud) hook(instance string, g Goal) error {
	path, err := filepath.Abs("../../../deploy/examples/converge/claim-address")
	if err != nil {
		c.t.Fatal(err)
	}
	command := exec.Command(path, append([]string{"address-1", instance}, g.arguments()...)...)
	command.Env = []string{"PATH=" + c.dir + ":/usr/bin:/bin"}
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func TestExampleOfAHook(t *testing.T) {
	c := cloud{t, t.TempDir()}
	api, err := os.ReadFile("../e2e/testdata/cloud")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "cloud"), api, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, before, instance string
		goal                   Goal
		fails                  string
		after                  string
	}{
		{"the first claim", "1 0 -", "i-1", owner5, "", "2 5 i-1"},
		{"claimed already", "2 5 i-1", "i-1", owner5, "", "2 5 i-1"},
		{"a new term", "2 5 i-1", "i-2", owner7, "", "3 7 i-2"},
		{"a term that is over", "3 7 i-2", "i-1", owner5, "was claimed by i-2 in term 7", "3 7 i-2"},
		{"moved by hand", "4 7 i-3", "i-2", owner7, "", "5 7 i-2"},
		{"standby", "3 7 i-2", "i-1", standby5, "", "3 7 i-2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := cloud{t, c.dir}
			c.has(tc.before)
			err := c.hook(tc.instance, tc.goal)
			if (err != nil) != (tc.fails != "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("%v, want %q", err, tc.fails)
			}
			c.want(tc.after)
		})
	}
	t.Run("another claims meanwhile", func(t *testing.T) {
		c := cloud{t, c.dir}
		c.has("2 5 i-1")
		if err := os.WriteFile(filepath.Join(c.dir, "raced"), []byte("9 i-3\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.hook("i-2", owner7); err == nil || !strings.Contains(err.Error(), "version 3, not 2") {
			t.Error(err)
		}
		c.want("3 9 i-3")
		if err := c.hook("i-2", owner7); err == nil || !strings.Contains(err.Error(), "in term 9") {
			t.Error(err)
		}
		c.want("3 9 i-3")
	})
}
