// Package web is what perch serves over HTTP at node.listen, to whoever reaches it:
// the dashboard, /metrics in the text format of Prometheus, what probes ask for, /healthz and
// /readyz, and /events.
// It is read-only: there is no request that changes anything.
//
// Metrics is what a scrape shows, as the daemon hands it over. A metric is declared in one
// place, with its name, type, help and labels (metric.go), by how many samples it may have:
// few, which go through client_golang (family.go, and node.go, ownership.go, checks.go and
// balancing.go with the families), or those of a table with a row for each VIP, virtual
// router, service or server (table.go, with ownership.go, routers.go and services.go), for
// which client_golang would take 30 times as long. text.go has the format of tables. All of
// them are pure. What is answered is made once for all who ask within a second (page.go, and
// pages.go with all of them; probe.go has what probes are told), handler.go says what answers
// which path, serve.go bounds requests, pacer.go how many there are a second, and server.go has the address, which a reload may
// change. stream.go has answers that go on, as server-sent events (sse.go, which is pure): a
// bounded number of them, which end with the server, and with an address that changes.
//
// board.go has the dashboard, which package board writes, and its stream; host.go, which is
// pure, says by which names it may be asked for.
//
// Goroutines: Run, whose caller owns it, starts the server, with net/http's goroutine of
// each connection, and waits for them. What makes a page is a goroutine of its own, one at
// a time. Run waits a second for that, too; should the kernel not have answered by then it
// is left behind.
//
// It must never: end or delay the daemon, whatever becomes of the address, of clients or
// of a page; read the body of a request; have clients cause more than one reading of the
// kernel's table a second, or more than a bounded number of connections and requests; let streams take all
// of these; keep a stream that is not read.
package web
