package doctor

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// inNamespace moves the thread of the test to a network namespace of its own.
func inNamespace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root")
		}
		t.Skip("this test needs root")
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	must(t, unix.Unshare(unix.CLONE_NEWNET))
}

func run(t *testing.T, command string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// The kernel's tables are read as they are meant.
func TestAskFilters(t *testing.T) {
	for name, tt := range map[string]struct {
		rules string
		want  []string // the chain, and what it names
	}{
		"none": {"", nil},
		"open": {"table inet filter { chain input { type filter hook input priority 0; }; }", nil},
		"closed": {
			"table inet filter { chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }; }",
			[]string{"inet filter input"},
		},
		"closed by its last rule": {
			"table ip filter { chain input { type filter hook input priority 0; tcp dport 22 accept; counter reject; }; chain other { drop; }; }",
			[]string{"ip filter input"},
		},
		"open, and another chain drops": {
			"table ip filter { chain other { drop; }; chain input { type filter hook input priority 0; tcp dport 22 drop; }; }", nil,
		},
		"rules": {
			"table inet filter { chain input { type filter hook input priority 0; policy drop; jump more; }; chain more { meta l4proto 112 accept; tcp dport 7400 accept; }; }",
			[]string{"inet filter input vrrp 7400"},
		},
		"a range": {
			"table inet filter { chain input { type filter hook input priority 0; policy drop; tcp dport 7000-8000 accept; }; }",
			[]string{"inet filter input 7400"},
		},
		"a set": {
			"table inet filter { chain input { type filter hook input priority 0; policy drop; tcp dport { 22, 7400 } accept; }; }",
			[]string{"inet filter input guess"},
		},
		"out": {
			"table inet filter { chain output { type filter hook output priority 0; policy drop; }; chain forward { type filter hook forward priority 0; policy drop; }; }",
			[]string{"inet filter output out"},
		},
		"ARP":     {"table arp filter { chain input { type filter hook input priority 0; policy drop; }; }", []string{"arp filter input"}},
		"our own": {"table inet perch { chain input { type filter hook input priority 0; policy drop; }; }", nil},
	} {
		t.Run(name, func(t *testing.T) {
			inNamespace(t)
			if tt.rules != "" {
				run(t, "nft '"+tt.rules+"'")
			}
			var got []string
			for _, f := range askFilters() {
				words := []string{f.Family, f.Table, f.Chain}
				for word, is := range map[string]bool{"out": f.Out, "vrrp": f.VRRP, "guess": f.Guess} {
					if is {
						words = append(words, word)
					}
				}
				for _, port := range f.Ports {
					if port == 7400 {
						words = append(words, "7400")
					}
				}
				got = append(got, strings.Join(words, " "))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
