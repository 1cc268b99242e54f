package daemon

import "sync/atomic"

// pace is the beat of a part, which that part alone changes.
type pace struct{ count atomic.Uint64 }

// begin ends a rest, and end begins one.
func (p *pace) begin() { p.count.Add(1) }
func (p *pace) end()   { p.count.Add(1) }

// turn says that a part at work has got on.
func (p *pace) turn() { p.count.Add(2) }

func (p *pace) beat() uint64 { return p.count.Load() }
