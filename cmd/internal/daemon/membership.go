package daemon

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
)

// joinLimit is how long an answer to Join may wait for the node to be a member.
const joinLimit = time.Second

// Join implements api.Backend.
func (d controlSide) Join(ctx context.Context, via string) (api.JoinResult, error) {
	if d.member == nil {
		return api.JoinResult{}, api.ErrNoCluster
	}
	ctx, cancel := context.WithTimeout(ctx, joinLimit)
	defer cancel()
	result := api.JoinResult{Node: d.name()}
	err := d.member.node.Join(ctx, via)
	switch {
	case err == nil:
		result.Joined = true
	case errors.Is(err, cluster.ErrNotYet):
		result.Waiting = strings.TrimPrefix(err.Error(), cluster.ErrNotYet.Error()+": ")
	default:
		return api.JoinResult{}, refusal(err)
	}
	return result, nil
}

// Remove implements api.Backend.
func (d controlSide) Remove(ctx context.Context, node string) error {
	if d.member == nil {
		return api.ErrNoCluster
	}
	if err := d.known(node); err != nil {
		return err
	}
	return removing(ctx, node, d.member.node.Remove)
}

// removing follows a leadership that is changing hands. A node that is no member any
// more after an attempt whose outcome was lost has been removed by that attempt.
func removing(ctx context.Context, node string, remove func(context.Context, string) error) error {
	tried := false
	return again(ctx, func() error {
		err := remove(ctx, node)
		if tried && errors.Is(err, cluster.ErrNotMember) {
			return nil
		}
		tried = true
		return refusal(err)
	})
}
