package daemon

import (
	"os"
	"slices"
	"testing"
)

// The names by which browsers may ask follow the config, without a restart.
func TestReloadChangesTheNamesForBrowsers(t *testing.T) {
	r := newReloadable(t)
	for _, step := range []struct {
		config  string
		further []string
	}{{"", nil}, {`"lb1.example.com", "status.example.com"`, []string{"lb1.example.com", "status.example.com"}}, {"", nil}} {
		r.called = step.config
		r.writeConfig(t, "secret", "normal")
		if result, err := r.reload(); err != nil || len(result.Warnings) > 0 {
			t.Fatalf("%+v, %v", result, err)
		}
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		member := r.member
		r.member = nil // its names are those of a cluster that runs
		got := r.names()
		r.member = member
		if want := append([]string{"lb1", host}, step.further...); !slices.Equal(got, want) {
			t.Errorf("names %q, want %q", got, want)
		}
	}
}
