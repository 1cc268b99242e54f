package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// limited is a figure and what its median is to be at most, in words.
type limited struct {
	figure
	limit string
}

func (l *limited) row() string { return l.figure.row() + " " + l.limit + " |" }

// starts collects the figures of starts.
type starts struct {
	b    *testing.B
	rows []*limited
}

func (s *starts) add(name, limit string) *limited {
	l := &limited{figure{name: name}, limit}
	s.rows = append(s.rows, l)
	return l
}

func (s *starts) keep() {
	var figures []figure
	for _, l := range s.rows {
		figures = append(figures, l.figure)
	}
	keepFigures(s.b, "start", figures)
}

// profiles are those of which first elections are measured.
var profiles = []struct {
	name      string
	heartbeat time.Duration
}{{"fast", benchHeartbeat}, {"normal", normalHeartbeat}}

// BenchmarkStart measures how long a daemon takes until it listens, and a cluster until it has
// an owner, and prints, or with -record writes, a table.
func BenchmarkStart(b *testing.B) {
	s := &starts{b: b}
	defer s.keep()
	s.listening("one VIP", newBench(b, normalHeartbeat, ""))
	large := prepareNodes(b, 3, normalHeartbeat, routerTables(200), manyVIPs(1000)...)
	must(b, large.StartAll())
	s.listening("1,000 VIPs and 200 virtual routers", large)
	for _, p := range profiles {
		x := newBench(b, p.heartbeat, "")
		limit := ms(2*p.heartbeat+200*time.Millisecond) + ", of the median"
		s.elections(x, "three new nodes, profile "+p.name, limit, p.heartbeat, x.begunAnew)
		s.elections(x, "three nodes after a power cut, profile "+p.name, "", p.heartbeat, x.cutOff)
		x.end()
	}
	report := s.report()
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, startRecordBegin, report))
	}
}

const startRecordBegin = "<!-- figures of make bench-start -->\n"

func (s *starts) report() string {
	s.b.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(s.b))
	b.WriteString("| from | rounds | dropped | median ms | p99 ms | longest ms | at most |\n|---|---|---|---|---|---|---|\n")
	for _, l := range s.rows {
		b.WriteString(l.row() + "\n")
	}
	return b.String()
}

// listening starts a standby again and again, of a cluster that goes on without it.
func (s *starts) listening(what string, x *bench) {
	s.b.Helper()
	defer x.end()
	port := s.add("the start of a process to its cluster port, "+what, "30")
	socket := s.add("the start of a process to an answer on its control socket, "+what, "30")
	spent := s.add("the same, CPU time of the process", "")
	for range *benchRounds {
		owner := x.settled()
		n := x.Nodes[slices.IndexFunc(x.Nodes, func(n *lab.Node) bool { return n != owner })]
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		must(s.b, n.Terminate(ctx))
		begin := time.Now()
		must(s.b, n.Start())
		open := make(chan error, 1)
		var opened time.Time
		go func() {
			err := until(ctx, func() error { return x.knock(ctx, n) })
			opened = time.Now()
			open <- err
		}()
		err := until(ctx, func() error {
			_, _, err := fetch(ctx, overSocket(n.Socket()), "http://perch/v1/alive")
			return err
		})
		answered, used := time.Now(), taskTime(s.b, n.Process().PID())
		socket.add(s.b, answered.Sub(begin), err)
		spent.add(s.b, used, err)
		err = <-open
		port.add(s.b, opened.Sub(begin), err)
		cancel()
	}
	s.keep()
	s.b.Log(port.row())
	s.b.Log(socket.row())
	s.b.Log(spent.row())
}

// knock returns nil once the cluster port of a node takes connections.
func (x *bench) knock(ctx context.Context, n *lab.Node) error {
	conn, err := x.client.Dial(ctx, "tcp", n.Address())
	if err != nil {
		return err
	}
	return conn.Close()
}

// until tries, twice a millisecond, until there is no error or ctx ends.
func until(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(500 * time.Microsecond):
		}
	}
}

// taskTime is what the threads of a process have used (sched-stats.rst of the kernel's
// documentation).
func taskTime(tb testing.TB, pid int) (used time.Duration) {
	tb.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	must(tb, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		nanoseconds, err := strconv.ParseInt(first, 10, 64)
		must(tb, err)
		used += time.Duration(nanoseconds)
	}
	return used
}

// elections measures how long it takes until a client sees an owner.
func (s *starts) elections(x *bench, what, limit string, heartbeat time.Duration, down func(heartbeat time.Duration)) {
	s.b.Helper()
	whole := s.add(what+": the start of all processes to the first frame of an owner", "")
	second := s.add(what+": the second node that listens to the first frame of an owner", limit)
	o, err := x.client.Observe(x.vip)
	must(s.b, err)
	for range max(1, *benchRounds*2/5) {
		x.settled()
		down(heartbeat)
		_, err := o.Take()
		must(s.b, err)
		begin, up, seen, err := x.risen(o)
		whole.add(s.b, seen.Sub(begin), err)
		second.add(s.b, seen.Sub(up), err)
	}
	must(s.b, o.Close())
	s.keep()
	s.b.Log(whole.row())
	s.b.Log(second.row())
}

// begunAnew stops all nodes in order and takes their data.
func (x *bench) begunAnew(time.Duration) {
	x.b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var ends sync.WaitGroup
	for _, n := range x.Nodes {
		ends.Go(func() {
			if err := n.Terminate(ctx); err != nil {
				x.b.Error(err)
			}
		})
	}
	ends.Wait()
	for _, n := range x.Nodes {
		must(x.b, n.Wipe())
	}
}

// cutOff kills all nodes, and waits until no kernel answers any more.
func (x *bench) cutOff(heartbeat time.Duration) {
	x.b.Helper()
	for _, n := range x.Nodes {
		must(x.b, n.Kill())
	}
	time.Sleep(2 * heartbeat)
}

// risen starts all nodes, and returns when that was, when the second one took connections, and
// when the first host spoke for the VIP.
func (x *bench) risen(o *lab.Observer) (begin, up, seen time.Time, err error) {
	x.b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	begin = time.Now()
	must(x.b, x.StartAll())
	open := make(chan time.Time, len(x.Nodes))
	for _, n := range x.Nodes {
		go func() {
			_ = until(ctx, func() error { return x.knock(ctx, n) })
			open <- time.Now()
		}()
	}
	for seen.IsZero() {
		observed, err := o.Take()
		must(x.b, err)
		if len(observed.Sightings) > 0 {
			seen = observed.Sightings[0].At
		}
		if ctx.Err() != nil {
			return begin, up, seen, errors.New("nobody owns within 10 s")
		}
	}
	var times []time.Time
	for range x.Nodes {
		times = append(times, <-open)
	}
	slices.SortFunc(times, time.Time.Compare)
	return begin, times[1], seen, nil
}

// routerTables are those of up to 250 virtual routers.
func routerTables(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(router(fmt.Sprintf("gw%d", i), i+1, 100, fmt.Sprintf("10.0.0.%d/32", i+1), `advert_interval = "1s"`))
	}
	return b.String()
}
