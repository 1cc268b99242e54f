package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A script without a program is warned of where it runs: keepalived heeds none, and here it
// fails.
func TestKeepalivedScriptsThatAreMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keepalived.conf")
	text := `global_defs {
    script_user root
}
vrrp_script there {
    script "/bin/sh -c true"
}
vrrp_script gone {
    script "/no/such/program -v"
}
vrrp_script searched {
    script "no-such-program"
}
vrrp_instance VI {
    interface eth0
    virtual_router_id 1
    virtual_ipaddress {
        198.18.0.1/24
    }
    track_script {
        there
        gone
        searched
    }
}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sourced, err := (&keepalivedOptions{}).source(path)()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range sourced.Warnings {
		got = append(got, strings.TrimPrefix(w.String(), path))
	}
	const rest = " is not there: keepalived does not heed such a script, and here its check fails"
	want := ":8: warning: script: /no/such/program" + rest + "\n:11: warning: script: no-such-program" + rest
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("warnings:\n%s\nwant:\n%s", text, want)
	}
}
