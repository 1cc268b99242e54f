package config

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"name", "data_dir", "socket", "log_level", "log_format", "vip"}
	for word, want := range map[string]string{
		"nmae":       "name", // a swap is one edit
		"name":       "name",
		"names":      "name",
		"data-dir":   "data_dir",
		"datadir":    "data_dir",
		"loglevel":   "log_level",
		"log_levell": "log_level",
		"ip":         "vip",
		"dir":        "",
		"log":        "",
		"colour":     "",
		"":           "",
		"\xff\xff":   "",
	} {
		if got, ok := Nearest(word, names); got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %v, want %q", word, got, ok, want)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "axc", 1},
		{"abc", "acb", 1},
		{"abc", "ab", 1},
		{"ab", "xaby", 2},
		{"kitten", "sitting", 3},
	} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("edits(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestSameName(t *testing.T) {
	known := []string{"node", "node.name", "cluster.name", "vrrp.name", "cluster.secret_file", "cluster.preempt", "vrrp.preempt"}
	if got, ok := sameName("secret_file", known); got != "cluster.secret_file" || !ok {
		t.Errorf("secret_file: %q, %v", got, ok)
	}
	if got, ok := sameName("preempt", known); got != "cluster.preempt or vrrp.preempt" || !ok {
		t.Errorf("preempt: %q, %v", got, ok)
	}
	if got, ok := sameName("name", known); ok {
		t.Errorf("name, which three tables have: %q", got)
	}
	if got, ok := sameName("node", known); ok {
		t.Errorf("node, which no table has: %q", got)
	}
}
