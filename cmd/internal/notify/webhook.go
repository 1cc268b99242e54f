package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// How much of an answer is read, in bytes.
const (
	mostHeader = 64 << 10
	mostAnswer = 4 << 10
)

// Webhook is a target: a URL to which each event is posted. Its fields do not change.
type Webhook struct {
	Node    string
	Agent   string // "perch/VERSION"
	URL     *url.URL
	Secret  []byte // that signs; none for no signature
	Token   string // of the Authorization; "" for none
	TLS     *tls.Config
	Timeout time.Duration
	Now     func() time.Time // of the machine's clock, which others compare with theirs
}

// Tell implements Target. What may go well another time is an ErrLater.
func (w *Webhook) Tell(ctx context.Context, e Event) error {
	limited, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	request, err := w.request(limited, e)
	if err != nil {
		return err
	}
	answer, err := w.transport(limited).RoundTrip(request)
	switch {
	case err == nil:
		defer answer.Body.Close()
		return w.judge(answer)
	case isForGood(err):
		return fmt.Errorf("post: %s", w.line(err.Error()))
	case ctx.Err() != nil:
		return fmt.Errorf("post: %w", errEnded)
	case limited.Err() != nil:
		return marked{fmt.Errorf("post: no answer within %s", w.Timeout), ErrLater}
	default:
		return marked{fmt.Errorf("post: %s", w.line(err.Error())), ErrLater}
	}
}

// transport makes one connection for one request, which ends with ctx: nothing of it is left,
// whatever the other side does, and what waits long enough to be idle is not kept. The
// environment names no proxy, and a redirect is an answer like any other.
func (w *Webhook) transport(ctx context.Context) *http.Transport {
	return &http.Transport{
		// The context that http gives goes on after that of the request, for the sake of others.
		DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		},
		TLSClientConfig:        w.TLS,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: mostHeader,
	}
}

func (w *Webhook) request(ctx context.Context, e Event) (*http.Request, error) {
	r := reportOf(w.Node, e)
	body, err := r.body()
	if err != nil {
		return nil, fmt.Errorf("write %s as JSON: %w", e, err)
	}
	request := (&http.Request{
		Method:        http.MethodPost,
		URL:           w.URL,
		Host:          w.URL.Host,
		Header:        http.Header{},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
	}).WithContext(ctx)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", w.Agent)
	request.Header.Set("Idempotency-Key", r.ID)
	if len(w.Secret) > 0 {
		request.Header.Set("Perch-Signature", signature(w.Secret, body, w.Now()))
	}
	if w.Token != "" {
		request.Header.Set("Authorization", "Bearer "+w.Token)
	}
	return request, nil
}

// judge says what an answer means. Only what another attempt may mend is tried again.
func (w *Webhook) judge(answer *http.Response) error {
	code := answer.StatusCode
	if code/100 == 2 {
		return nil
	}
	said, _ := io.ReadAll(io.LimitReader(answer.Body, mostAnswer)) // why it refuses: a part is better than none
	err := fmt.Errorf("post: answer %d %s", code, http.StatusText(code))
	if code/100 == 3 {
		return fmt.Errorf("%w, and no redirect is followed", err)
	}
	if text := w.line(strings.TrimSpace(string(said))); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if code/100 == 4 {
			return err
		}
	}
	return busy{marked{err, ErrLater}, retryAfter(answer.Header.Get("Retry-After"), w.Now())}
}

// line makes one line of what others said, without what only they and perch may know.
func (w *Webhook) line(text string) string {
	for _, secret := range []string{w.Token, string(w.Secret), w.URL.RequestURI(), w.URL.EscapedPath(), w.URL.Path, w.URL.RawQuery} {
		if len(secret) > 1 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return oneLine(text)
}

// busy is an error that says how long nothing else is to be tried.
type busy struct {
	error
	least time.Duration
}

// Unwrap is for errors.Is and errors.As.
func (w busy) Unwrap() error { return w.error }

// leastPause returns how long the target of an error wants to be left alone, which is bounded.
func leastPause(err error) time.Duration {
	var w busy
	if !errors.As(err, &w) {
		return 0
	}
	return min(w.least, longestPause)
}

// retryAfter reads a Retry-After (RFC 9110 section 10.2.3): seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
