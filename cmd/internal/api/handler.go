package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// ControlHandler serves the control API; see the package's table.
func ControlHandler(b Backend) http.Handler {
	rs := moves(b)
	rs[alivePath] = route{method: http.MethodGet, answer: alive}
	rs["/v1/status"] = route{method: http.MethodGet, answer: status(b)}
	rs["/v1/history"] = route{method: http.MethodGet, answer: history(b)}
	rs[eventsPath] = route{method: http.MethodGet, stream: eventLines(b)}
	rs["/v1/reload"] = route{method: http.MethodPost, answer: reload(b)}
	rs["/v1/join"] = route{method: http.MethodPost, answer: join(b)}
	rs["/v1/remove"] = route{method: http.MethodPost, answer: remove(b)}
	return rs
}

// PeerHandler serves the peer API; see the package's table. Who may connect is
// the listener's business.
func PeerHandler(b PeerBackend) http.Handler {
	rs := moves(b)
	rs["/v1/node"] = route{method: http.MethodGet, answer: report(b)}
	rs[overviewPath] = route{method: http.MethodGet, answer: overview(b)}
	rs[healthPath] = route{method: http.MethodPost, answer: tellHealth(b)}
	return rs
}

// mover is what both APIs have in common.
type mover interface {
	Transfer(ctx context.Context, to string) (TransferResult, error)
	SetDrain(ctx context.Context, node string, to Drain) error
	orderer
}

func moves(b mover) routes {
	return routes{
		"/v1/transfer":       {method: http.MethodPost, answer: transfer(b)},
		drainPath(Drained):   {method: http.MethodPost, answer: setDrain(b, Drained)},
		drainPath(Undrained): {method: http.MethodPost, answer: setDrain(b, Undrained)},
		orderPath:            {method: http.MethodPost, answer: order(b)},
		reportPath:           {method: http.MethodPost, answer: reportServer(b)},
	}
}

func drainPath(to Drain) string {
	if to == Drained {
		return "/v1/drain"
	}
	return "/v1/undrain"
}

const healthPath = "/v1/health"

func tellHealth(b PeerBackend) answer {
	return func(ctx context.Context, body []byte) (any, error) {
		var r HealthReport
		if err := json.Unmarshal(body, &r); err != nil { // a peer of a later version may say more
			return nil, Invalid(fmt.Errorf("request body: %w", err))
		}
		if r.Node == "" {
			return nil, errNoName
		}
		return empty{}, b.TellHealth(ctx, r)
	}
}

const alivePath = "/v1/alive"

// alive answers at once, whatever the backend is busy with.
func alive(context.Context, []byte) (any, error) { return empty{}, nil }

func status(b Backend) answer {
	return func(ctx context.Context, _ []byte) (any, error) {
		s, err := b.Status(ctx)
		return s.complete(), err
	}
}

func history(b Backend) answer {
	return func(ctx context.Context, _ []byte) (any, error) {
		moves, err := b.History(ctx)
		return list(moves), err
	}
}

func report(b PeerBackend) answer {
	return func(ctx context.Context, _ []byte) (any, error) {
		n, err := b.NodeReport(ctx)
		n.VIPs = list(n.VIPs)
		return n, err
	}
}

func overview(b PeerBackend) answer {
	return func(ctx context.Context, _ []byte) (any, error) {
		o, err := b.Overview(ctx)
		return o.complete(), err
	}
}

func reload(b Backend) answer {
	return func(ctx context.Context, body []byte) (any, error) {
		if err := decode(body, &empty{}); err != nil {
			return nil, err
		}
		res, err := b.Reload(ctx)
		res.Added, res.Removed = list(res.Added), list(res.Removed)
		res.Services, res.Warnings = list(res.Services), list(res.Warnings)
		return res, err
	}
}

func join(b Backend) answer {
	return func(ctx context.Context, body []byte) (any, error) {
		var req joinRequest
		if err := decode(body, &req); err != nil {
			return nil, err
		}
		return b.Join(ctx, req.Via)
	}
}

func remove(b Backend) answer {
	return func(ctx context.Context, body []byte) (any, error) {
		var req removeRequest
		if err := decode(body, &req); err != nil {
			return nil, err
		}
		if req.Node == "" {
			return nil, errNoName
		}
		return empty{}, b.Remove(ctx, req.Node)
	}
}

// errNoName is a request about no node.
var errNoName = Invalid(errors.New("the node's name is empty"))

func transfer(b mover) answer {
	return func(ctx context.Context, body []byte) (any, error) {
		var req transferRequest
		if err := decode(body, &req); err != nil {
			return nil, err
		}
		return b.Transfer(ctx, req.To)
	}
}

func setDrain(b mover, to Drain) answer {
	return func(ctx context.Context, body []byte) (any, error) {
		var req drainRequest
		if err := decode(body, &req); err != nil {
			return nil, err
		}
		if req.Node == "" {
			return nil, errNoName
		}
		return empty{}, b.SetDrain(ctx, req.Node, to)
	}
}
