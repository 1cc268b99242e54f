// Package config turns perch.toml into a typed Config that is safe to run, or
// into the full list of what is wrong with it.
//
// A file is read in five steps: tree.go makes a tree of values that know where
// they stand, decode.go reads it strictly by the lists of keys in keys.go and
// the files named keys_, settle.go and the files named settle_ fill in what
// other keys decide, validate.go and the files named check_ check what only
// several keys together can get wrong, and warn.go remarks on what is allowed
// but rarely meant. Every step reports and goes on, so one run names all
// mistakes, in the order of the file. Only text that is no TOML at all ends
// the run early.
//
// A mistake reads FILE:LINE:COL: KEY = VALUE: what is wrong; what is allowed.
// "= VALUE" is left out when the key itself is wrong, missing or in the wrong
// place. Columns count bytes from 1, as compilers do.
//
// What the file says of services and their servers is a draft at first
// (draft.go). Settled, a server has what its service or group says for it, and
// checks of servers that look at the same thing are one (settle_server_check.go).
//
// To add a key, add its field to the type of its table (config.go, vrrp.go, address.go,
// route.go, bgp.go, checks.go, service.go, notify.go, clock.go), its line beside the others of the
// table and its row in docs/config.md; a test fails until the three agree.
//
// The syntax is go-toml's; its decoder is not used, because it stops at the
// first wrong type and needs time quadratic in the number of keys.
//
// Goroutines: none. Parse is pure. Nothing here may look at the network, the
// files that a config names or the clock: a config is right or wrong on any
// machine alike, but for its host name. OpenFile opens those files for others.
package config
