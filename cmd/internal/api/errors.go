package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

var (
	// ErrInvalid marks a request that can never be granted as it stands: an
	// unknown node, a malformed body, a config with mistakes.
	ErrInvalid = errors.New("invalid request")
	// ErrNotNow marks a request that the cluster cannot grant at the moment:
	// no leader, no quorum, a peer that does not answer.
	ErrNotNow = errors.New("not possible now")
	// ErrMoving is an ErrNotNow that is over in a moment: leadership is just
	// changing hands. What may be done twice may be asked for again.
	ErrMoving = errors.New("leadership is changing hands")
	// ErrNoCluster is an ErrInvalid that is about a cluster, for a daemon without one.
	ErrNoCluster = Invalid(errors.New("this node runs no cluster: its config has no [cluster], and virtual routers (VRRP) choose their master by priority alone"))
	// ErrNoDaemon is a control socket that nobody answers at.
	ErrNoDaemon = errors.New("no daemon answers")
)

// Invalid marks err as ErrInvalid and leaves its text alone.
func Invalid(err error) error { return &markedError{error: err, mark: ErrInvalid} }

// NotNow marks err as ErrNotNow and leaves its text alone.
func NotNow(err error) error { return &markedError{error: err, mark: ErrNotNow} }

// Moving marks err as ErrMoving, and so as ErrNotNow, and leaves its text alone.
func Moving(err error) error { return &markedError{error: NotNow(err), mark: ErrMoving} }

type markedError struct {
	error
	mark error
}

func (e *markedError) Unwrap() []error { return []error{e.error, e.mark} }

// AnswerError is a request that the daemon refused, as its client sees it.
type AnswerError struct {
	Code  int      // the HTTP status code
	Lines []string // one for each mistake, at least one
}

// Error returns one line per mistake.
func (e *AnswerError) Error() string { return strings.Join(e.Lines, "\n") }

// Is lets errors.Is(err, ErrInvalid), ErrNotNow and ErrMoving work across the wire.
func (e *AnswerError) Is(target error) bool {
	switch e.Code {
	case http.StatusConflict:
		return target == ErrMoving || target == ErrNotNow
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return target == ErrNotNow
	}
	return target == ErrInvalid && e.Code >= 400 && e.Code < 500
}

// httpError is an error with a status code of its own.
type httpError struct {
	error
	code int
}

func (e *httpError) Unwrap() error { return e.error }

// codeOf returns the status code for an error of a Backend or of decode.
func codeOf(err error) int {
	if e, ok := errors.AsType[*httpError](err); ok {
		return e.code
	}
	switch {
	case errors.Is(err, ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, ErrMoving):
		return http.StatusConflict
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case errors.Is(err, ErrNotNow), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// linesOf splits an error's text into one line per mistake.
func linesOf(err error) []string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return []string{"unknown error"}
	}
	return lines
}
