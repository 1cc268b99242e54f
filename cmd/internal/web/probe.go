package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What probes are told when all is well.
const (
	aliveText = "alive\n"
	readyText = "ready\n"
)

// Limits of what a probe is told.
const (
	maxObstacles = 20
	maxObstacle  = 500 // bytes
)

// appendAlive appends the answer of /healthz.
func appendAlive(b []byte, alive bool) []byte {
	if alive {
		return append(b, aliveText...)
	}
	return append(b, "a main loop does not get on\n"...)
}

// appendReady appends the answer of /readyz: a line for each obstacle.
func appendReady(b []byte, obstacles []string) []byte {
	if len(obstacles) == 0 {
		return append(b, readyText...)
	}
	for _, each := range obstacles[:min(len(obstacles), maxObstacles)] {
		b = append(append(b, oneLine(each)...), '\n')
	}
	if more := len(obstacles) - maxObstacles; more > 0 {
		b = fmt.Appendf(b, "and %d more\n", more)
	}
	return b
}

// oneLine is a reason as one line of bounded length, which does nothing to a terminal.
func oneLine(reason string) string {
	line := strings.Join(strings.Fields(reason), " ")
	if len(line) > maxObstacle {
		line = line[:maxObstacle] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, line)
}

// probed answers with 200 when a page is what it is when all is well, else with 503.
func probed(p *page[[]byte], well string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := p.within(r.Context(), probeLimit)
		code := http.StatusServiceUnavailable
		switch {
		case err != nil:
			text = []byte(err.Error() + "\n")
		case bytes.Equal(text, []byte(well)):
			code = http.StatusOK
		}
		write(w, plain, code, text)
	}
}
