// Package web is what perch serves over HTTP at node.listen, to whoever reaches it:
// the dashboard, and /metrics, the numbers of services, real servers and BGP in the text format of Prometheus.
// It is read-only: there is no request that changes anything.
//
// Metrics is what a scrape shows, as the daemon hands it over. metrics.go has the names,
// render.go and bgp.go turn Metrics into text, text.go has the format: all of them are
// pure. The text is made once for all who ask within a second (page.go), handler.go says what
// answers which path, serve.go bounds requests, and server.go has the address, which a reload
// may change. stream.go has answers that go on, as server-sent events (sse.go, which is pure):
// a bounded number of them, which end with the server, and with an address that changes.
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
// kernel's table a second, or more than a bounded number of connections; let streams take all
// of these; keep a stream that is not read.
package web
