package netns

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// enterEnv has the test binary enter a namespace, and say where it is. With endedEnv it was
// told to end before.
const (
	enterEnv = "PERCH_TEST_ENTER"
	endedEnv = "PERCH_TEST_ENDED"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(enterEnv); name != "" {
		ctx, cancel := context.WithCancel(context.Background())
		if os.Getenv(endedEnv) != "" {
			cancel()
		}
		defer cancel()
		if err := Enter(ctx, name); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		fmt.Print(strings.Join(threads(), " "))
		return
	}
	os.Exit(m.Run())
}

// threads are the namespaces of the threads of this process, each once.
func threads() (all []string) {
	seen := map[string]bool{}
	links, _ := filepath.Glob("/proc/self/task/*/ns/net")
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && !seen[to] {
			seen[to] = true
			all = append(all, to)
		}
	}
	return all
}

func TestEnter(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("network namespaces need root, and CI must not skip")
		}
		t.Skip("network namespaces need root")
	}
	name := fmt.Sprintf("perch-test-%d", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	want, err := exec.Command("ip", "netns", "exec", name, "readlink", "/proc/self/ns/net").Output()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{self}, {"ip", "netns", "exec", name, self}} {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = append(os.Environ(), enterEnv+"="+name)
		got, err := cmd.Output()
		if err != nil || string(got) != strings.TrimSpace(string(want)) {
			t.Errorf("%v: %v, its threads are in %s, want %s", command, err, got, want)
		}
	}
	ended := exec.Command(self)
	ended.Env = append(os.Environ(), enterEnv+"="+name, endedEnv+"=yes")
	if said, err := ended.Output(); err == nil || !strings.Contains(string(said), context.Canceled.Error()) {
		t.Errorf("told to end before: %v, it says %s", err, said)
	}
}

func TestNowhereToEnter(t *testing.T) {
	if err := Enter(t.Context(), ""); err != nil {
		t.Error(err)
	}
	err := Enter(t.Context(), "perch-no-such")
	if err == nil || !strings.Contains(err.Error(), "enter network namespace perch-no-such: there is none") || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
