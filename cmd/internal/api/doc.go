// Package api is how a perch daemon is talked to: the control API on the unix
// socket, for the commands of this binary, and the peer API between the nodes
// of a cluster, over mutual TLS. Both are HTTP/1.1 with JSON bodies; the types in
// types.go, check.go, vrrp.go, services.go, bgp.go and notify.go are the contract of
// `perch status -o json` and its siblings. overview.go, which is pure, has what nodes show
// each other for dashboards.
//
//	GET  /v1/alive           control  {}, at once
//	GET  /v1/status          control  Status
//	GET  /v1/history         control  []Move, oldest first
//	GET  /v1/events          control  events.Event, one a line, oldest first: behind ?after=ID,
//	                                  and those to come with ?follow=new
//	GET  /v1/node            peer     NodeReport
//	GET  /v1/overview        peer     Overview
//	POST /v1/health          peer     HealthReport -> {}
//	POST /v1/transfer        both     {"to":"lb2"} or {} for the best node -> TransferResult
//	POST /v1/drain           both     {"node":"lb2"} -> {}
//	POST /v1/undrain         both     {"node":"lb2"} -> {}
//	POST /v1/server/order    both     ServerOrder -> ServerName
//	POST /v1/server/report   both     ServerName -> ServerReport
//	POST /v1/reload          control  {} -> ReloadResult
//	POST /v1/join            control  {"via":"198.18.0.1:7400"} or {} -> JoinResult
//	POST /v1/remove          control  {"node":"lb2"} -> {}
//
// A request that is not granted is answered {"errors":["…"]}, one string per
// mistake, with 400 when asking again is no use (ErrInvalid), 503 when the
// cluster cannot do it now (ErrNotNow), 409 when it can in a moment (ErrMoving),
// 504 when it took too long, and 500 for anything else. The clients turn that back
// into an error of one line per mistake which matches the same sentinels.
//
// A stream (stream.go) stays open; at most MaxStreams of them do. Its empty lines say that
// the daemon is there.
//
// Goroutines: Serve runs one server until its context ends and waits for all
// it started, net/http's goroutine of each connection among them. A client
// owns the goroutines of its kept connections until CloseIdleConnections or
// the end of their idle time. ServeControl has one more, which looks after the file of
// the socket (control.go): nobody waits for it.
//
// It must never decide anything: it decodes a request, calls the Backend that
// the daemon gives it, and encodes the answer. It must never make the control
// socket reachable with a mode wider than 0660, nor remove a socket that
// another daemon listens on.
package api
