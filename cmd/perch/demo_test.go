package main

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

func TestExplainDemo(t *testing.T) {
	cure := "; try: sudo perch demo"
	if os.Geteuid() == 0 {
		cure = "; this root lacks it (a container has it with --privileged)"
	}
	other := errors.New("no owner")
	tests := []struct {
		err  error
		want string
	}{
		{other, "no owner"},
		{
			fmt.Errorf("begin: %w", &lab.MissingError{What: "a bridge", Need: "root", Err: unix.EPERM}),
			"the demo cannot run here: a bridge needs root: operation not permitted" + cure,
		},
		{
			&lab.MissingError{What: "an IPv6 address", Need: "IPv6", Err: unix.EACCES},
			"the demo cannot run here: an IPv6 address needs IPv6: permission denied",
		},
		{
			config.Mistakes{{File: "/tmp/lb1/perch.toml", Line: 1, Col: 2, Text: "cluster.failover is wrong"}},
			"cluster.failover is wrong",
		},
	}
	for _, tt := range tests {
		if got := explainDemo(tt.err); got.Error() != tt.want {
			t.Errorf("%v is explained as\n%s\nwant\n%s", tt.err, got, tt.want)
		}
	}
	if explainDemo(nil) != nil {
		t.Error("a demo that ended well is explained")
	}
}
