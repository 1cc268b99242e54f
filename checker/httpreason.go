package checker

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"
)

// explain returns why a look went wrong, as a person reads it.
func (l *httpLook) explain(ctx context.Context, err error) error {
	if known := (*reason)(nil); errors.As(err, &known) {
		return known
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return explain(ctx.Err())
	}
	if text := l.text(ctx, err); text != "" {
		return &reason{text: brief(text), err: err}
	}
	return explainTLS(inner(err), time.Now())
}

// inner takes away what http.Client wraps errors in, with a URL that need not be told.
func inner(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func (l *httpLook) text(ctx context.Context, err error) string {
	switch {
	case l.patience > 0 && (ctx.Err() != nil || isTimeout(err)):
		return "no " + string(l.stage) + " within " + l.patience.String()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isLost(err):
		return "connection closed, no " + string(l.stage)
	}
	return protocolReason(inner(err).Error())
}

// protocolReason is for what net/http says of an answer, "" for anything else.
func protocolReason(text string) string {
	switch {
	case strings.Contains(text, `malformed HTTP response "\x15\x03`): // an alert
		return "server speaks TLS, not plain HTTP"
	case strings.Contains(text, "response header list larger"):
		return errLongHead.Error()
	case strings.Contains(text, "GOAWAY"):
		return goAwayReason(text)
	}
	if broken, ok := strings.CutPrefix(text, "connection error: "); ok {
		return "server breaks the rules of HTTP/2: " + broken
	}
	for _, package_ := range []string{"http: ", "http2: "} {
		if rest, ok := strings.CutPrefix(text, package_); ok {
			return rest
		}
	}
	return ""
}

// goAwayReason returns what is of interest of an error about a frame GOAWAY.
func goAwayReason(text string) string {
	_, code, _ := strings.Cut(text, "ErrCode")
	code, _, _ = strings.Cut(strings.TrimLeft(code, ":="), ",")
	if code == "" {
		return "server goes away"
	}
	return "server goes away: " + code
}
