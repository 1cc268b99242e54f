package fence

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// A map that has no element in stock is asked again, for a while. Other errors are final.
func TestWhenStocked(t *testing.T) {
	t.Parallel()
	empty := fmt.Errorf("update: %w", unix.ENOMEM)
	for _, test := range []struct {
		name  string
		errs  []error // of one call after the other, the last one of all further ones
		calls int
	}{
		{"at once", []error{nil}, 1},
		{"later", []error{empty, empty, nil}, 3},
		{"never", []error{empty}, stockTries},
		{"not for memory", []error{unix.E2BIG}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			calls, last := 0, test.errs[len(test.errs)-1]
			err := whenStocked(func() error {
				calls++
				return test.errs[min(calls, len(test.errs))-1]
			})
			if !errors.Is(err, last) || calls != test.calls {
				t.Errorf("%v after %d calls, want %v after %d", err, calls, last, test.calls)
			}
		})
	}
}
