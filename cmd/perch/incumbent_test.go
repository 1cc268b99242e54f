package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeProc lays out what the kernel shows of one process, number 4711, which sees the
// returned directory as its root.
func fakeProc(t *testing.T, comm, namespace string, argv ...string) (proc, root string) {
	t.Helper()
	proc, root = t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		filepath.Join(root, defaultKeepalivedConf):           "",
		filepath.Join(root, "/etc/keepalived/internal.conf"): "",
		filepath.Join(proc, "namespaces/ours"):               "",
		filepath.Join(proc, "namespaces/another"):            "",
		filepath.Join(proc, "4711/comm"):                     comm + "\n",
		filepath.Join(proc, "4711/cmdline"):                  strings.Join(argv, "\x00") + "\x00",
	} {
		writeUnder(t, name, text)
	}
	for name, target := range map[string]string{
		"4711/root":          root,
		"4711/cwd":           filepath.Join(root, "etc"),
		"4711/ns/net":        filepath.Join(proc, "namespaces", namespace),
		"thread-self/ns/net": filepath.Join(proc, "namespaces/ours"),
	} {
		link := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	return proc, root
}

func writeUnder(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAKeepalivedThatRunsTheFileIsRefused(t *testing.T) {
	tests := []struct {
		name, comm, namespace string
		argv                  []string
		conf                  string
		refused               bool
	}{
		{"by default", "keepalived", "ours", []string{"keepalived", "-n"}, defaultKeepalivedConf, true},
		{"by -f", "keepalived", "ours", []string{"keepalived", "-f", "/etc/keepalived/internal.conf"}, "/etc/keepalived/internal.conf", true},
		{"by -f in one", "keepalived", "ours", []string{"keepalived", "-f/etc/keepalived/internal.conf"}, "/etc/keepalived/internal.conf", true},
		{"by --use-file", "keepalived", "ours", []string{"keepalived", "--use-file", "/etc/keepalived/internal.conf"}, "/etc/keepalived/internal.conf", true},
		{"by --use-file=", "keepalived", "ours", []string{"keepalived", "--use-file=/etc/keepalived/internal.conf"}, "/etc/keepalived/internal.conf", true},
		{"by a relative path", "keepalived", "ours", []string{"keepalived", "-f", "keepalived/internal.conf"}, "/etc/keepalived/internal.conf", true},
		{"with another file", "keepalived", "ours", []string{"keepalived", "-f", "/etc/keepalived/internal.conf"}, defaultKeepalivedConf, false},
		{"without the file", "keepalived", "ours", []string{"keepalived", "-f", "/gone"}, defaultKeepalivedConf, false},
		{"in another network namespace", "keepalived", "another", []string{"keepalived"}, defaultKeepalivedConf, false},
		{"another program", "vi", "ours", []string{"vi", "-f", defaultKeepalivedConf}, defaultKeepalivedConf, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			proc, root := fakeProc(t, tt.comm, tt.namespace, tt.argv...)
			err := refuseIncumbent(proc, filepath.Join(root, tt.conf))
			if refused := err != nil && strings.Contains(err.Error(), "process 4711"); refused != tt.refused {
				t.Errorf("refuseIncumbent = %v, want refused %v", err, tt.refused)
			}
		})
	}
}
