package daemon

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
)

func TestRemovingFollowsTheLeader(t *testing.T) {
	gone := fmt.Errorf("remove lb3: %w", cluster.ErrNotMember)
	tests := []struct {
		name    string
		answers []error
		want    string
		tries   int
	}{
		{"at once", []error{nil}, "", 1},
		{"the leader was the node, and has handed over", []error{cluster.ErrNotLeader, nil}, "", 2},
		{"an attempt whose outcome was lost did it", []error{cluster.ErrNotLeader, gone}, "", 2},
		{"no leader yet", []error{cluster.ErrNoLeader, cluster.ErrNoLeader, nil}, "", 3},
		{"no member", []error{gone}, gone.Error(), 1},
		{"another change", []error{cluster.ErrChanging}, cluster.ErrChanging.Error(), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				err := removing(t.Context(), "lb3", func(context.Context, string) error {
					tries++
					return next(&tt.answers)
				})
				if got := fmt.Sprint(err); got != tt.want && (tt.want != "" || err != nil) || tries != tt.tries {
					t.Errorf("%v after %d attempts, want %q after %d", err, tries, tt.want, tt.tries)
				}
			})
		})
	}
}

func TestRefusalsOfMembership(t *testing.T) {
	for err, want := range map[error]error{
		cluster.ErrNotMember: api.ErrInvalid, cluster.ErrViaCA: api.ErrInvalid,
		cluster.ErrChanging: api.ErrNotNow, cluster.ErrNoLeader: api.ErrMoving,
	} {
		if got := refusal(err); !errors.Is(got, want) || got.Error() != err.Error() {
			t.Errorf("%v becomes %v, want %v", err, got, want)
		}
	}
}
