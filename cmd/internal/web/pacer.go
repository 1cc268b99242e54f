package web

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// How much is answered, whoever asks: what goes beyond waits. It is a hundred times what
// scrapes, probes and browsers need, and leaves the processors to those who keep the VIPs.
const (
	mostPerSecond = 100
	mostAtOnce    = 50
)

// pacer says when it is whose turn.
type pacer struct {
	mu   sync.Mutex
	next time.Time // when one may go that comes after a burst
}

// turn returns for how long the next one has to wait.
func (p *pacer) turn(now time.Time) time.Duration {
	const gap = time.Second / mostPerSecond
	p.mu.Lock()
	defer p.mu.Unlock()
	if full := now.Add(-mostAtOnce * gap); p.next.Before(full) {
		p.next = full
	}
	p.next = p.next.Add(gap)
	return max(p.next.Sub(now), 0)
}

// paced has requests wait for their turn, also those of one connection.
func paced(h http.Handler) http.Handler {
	var p pacer
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if wait := p.turn(now); wait > 0 && until(r.Context(), now.Add(wait)) != nil {
			return
		}
		h.ServeHTTP(w, r)
	})
}

// pacedListener has connections wait for their turn, which cost more than requests.
type pacedListener struct {
	net.Listener
	pacer pacer
}

// Accept implements net.Listener.
func (l *pacedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		time.Sleep(l.pacer.turn(time.Now()))
	}
	return conn, err
}
