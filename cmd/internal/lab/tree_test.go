package lab

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A mirror that is not there, or does not answer, fails the tests that need its packages, and
// keeps none of them.
func TestTreeWithoutMirror(t *testing.T) {
	NeedSystem(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, tt := range map[string]struct {
		mirror, says string
		limit        time.Duration
		is           error
	}{
		"not there": {mirror: "http://127.0.0.1:1/debian", says: "Failed getting release file", limit: time.Minute},
		"silent":    {mirror: "http://" + silent.Addr().String() + "/debian", limit: 5 * time.Second, is: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
			defer cancel()
			err := makeTree(ctx, filepath.Join(dir, "tree"), tt.mirror)
			if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v", err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left: %v (%v)", left, err)
			}
		})
	}
}
