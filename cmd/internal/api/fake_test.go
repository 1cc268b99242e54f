package api

import (
	"context"
	"fmt"
	"sync"

	"github.com/perch-vip/perch/cmd/internal/events"
)

// fakeBackend answers with its fields and records what it was asked to do. It
// is a Backend, and a PeerBackend too.
type fakeBackend struct {
	status   Status
	history  []Move
	report   NodeReport
	overview Overview
	transfer TransferResult
	reload   ReloadResult
	join     JoinResult
	server   ServerReport
	events   *events.Log
	err      error
	// hang, if set, is called before every answer.
	hang func(context.Context)

	mu   sync.Mutex
	done []string
}

func (f *fakeBackend) record(ctx context.Context, did string) error {
	if f.hang != nil {
		f.hang(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, did)
	return f.err
}

func (f *fakeBackend) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.done...)
}

func (f *fakeBackend) Status(ctx context.Context) (Status, error) {
	return f.status, f.record(ctx, "status")
}

func (f *fakeBackend) History(ctx context.Context) ([]Move, error) {
	return f.history, f.record(ctx, "history")
}

func (f *fakeBackend) Events() *events.Log { return f.events }

func (f *fakeBackend) NodeReport(ctx context.Context) (NodeReport, error) {
	return f.report, f.record(ctx, "report")
}

func (f *fakeBackend) Overview(ctx context.Context) (Overview, error) {
	return f.overview, f.record(ctx, "overview")
}

func (f *fakeBackend) Transfer(ctx context.Context, to string) (TransferResult, error) {
	return f.transfer, f.record(ctx, "transfer "+to)
}

func (f *fakeBackend) TellHealth(ctx context.Context, r HealthReport) error {
	return f.record(ctx, r.Node+" is "+r.Health.State)
}

func (f *fakeBackend) SetDrain(ctx context.Context, node string, to Drain) error {
	return f.record(ctx, string(to)+" "+node)
}

func (f *fakeBackend) OrderServer(ctx context.Context, o ServerOrder) (ServerName, error) {
	did := fmt.Sprintf("%s %s of %s", o.Order, o.Server, o.Service)
	if o.Weight != nil {
		did += fmt.Sprintf(" to %d", *o.Weight)
	}
	return o.ServerName, f.record(ctx, did)
}

func (f *fakeBackend) ReportServer(ctx context.Context, n ServerName) (ServerReport, error) {
	return f.server, f.record(ctx, fmt.Sprintf("report %s of %s", n.Server, n.Service))
}

func (f *fakeBackend) Join(ctx context.Context, via string) (JoinResult, error) {
	return f.join, f.record(ctx, "join "+via)
}

func (f *fakeBackend) Remove(ctx context.Context, node string) error {
	return f.record(ctx, "remove "+node)
}

func (f *fakeBackend) Reload(ctx context.Context) (ReloadResult, error) {
	return f.reload, f.record(ctx, "reload")
}
