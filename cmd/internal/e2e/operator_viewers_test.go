package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// openDashboards are so many, on the nodes in turn.
func (x *operatorBench) openDashboards(many int) burden {
	bear := func() func() {
		ctx, cancel := context.WithCancel(x.b.Context())
		var open atomic.Int64
		var looking sync.WaitGroup
		for i := range many {
			node := x.Nodes[i%len(x.Nodes)]
			looking.Go(func() { view(ctx, node.Host, &open) })
		}
		x.until(fmt.Sprintf("%d dashboards are open", many), func() bool { return open.Load() == int64(many) })
		return func() {
			cancel()
			looking.Wait()
		}
	}
	return burden{bear: bear}
}

// view has the dashboard of a host open until ctx ends, as a browser has it: when its stream
// breaks it is asked for again after a second. It counts itself while it is told what is new.
func view(ctx context.Context, h *lab.Host, open *atomic.Int64) {
	dial := overHost(h)
	for ctx.Err() == nil {
		watchPage(ctx, dial, open)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// watchPage loads the page and reads its stream until that ends.
func watchPage(ctx context.Context, dial func(context.Context) (net.Conn, error), open *atomic.Int64) {
	if _, _, err := fetch(ctx, dial, listening); err != nil {
		return
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, listening+"dashboard/stream", nil)
	if err != nil {
		return
	}
	response, err := client.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	told := false
	in := bufio.NewScanner(response.Body)
	in.Buffer(nil, 1<<20) // a section is a line
	for in.Scan() {
		if !told && strings.HasPrefix(in.Text(), "event: tick") {
			told = true
			open.Add(1)
			defer open.Add(-1)
		}
	}
}
