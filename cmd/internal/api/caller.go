package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// clientIdle is shorter than the server's, so that a kept connection is closed
// by the side that would send the next request.
const clientIdle = 30 * time.Second

// dialTimeout limits a dial by itself: http.Transport goes on with it after
// the request that asked for it has ended. It is short, so that a request to a
// leader that has just died can still be made to its successor.
const dialTimeout = time.Second

// caller makes requests over connections of its own.
type caller struct {
	http     *http.Client
	most     int64 // bytes of an answer
	elements int   // likewise
}

func newCaller(most int64, elements int, dial func(ctx context.Context, host string) (net.Conn, error)) caller {
	return caller{most: most, elements: elements, http: &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, dialTimeout)
				defer cancel()
				host, _, err := net.SplitHostPort(addr)
				if err != nil {
					return nil, err
				}
				return dial(ctx, host)
			},
			MaxConnsPerHost:        4,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        clientIdle,
			MaxResponseHeaderBytes: 16 << 10,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// get asks host for path and decodes the answer into out.
func (c caller) get(ctx context.Context, host, path string, out any) error {
	return c.call(ctx, http.MethodGet, host, path, nil, out)
}

// getSmall is get for an answer of at most so many bytes.
func (c caller) getSmall(ctx context.Context, host, path string, most int64, out any) error {
	return c.request(ctx, http.MethodGet, host, path, nil, most, out)
}

// post sends in to host and decodes the answer into out.
func (c caller) post(ctx context.Context, host, path string, in, out any) error {
	body, err := encode(in)
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPost, host, path, body, out)
}

func (c caller) call(ctx context.Context, method, host, path string, body []byte, out any) error {
	return c.request(ctx, method, host, path, body, c.most, out)
}

func (c caller) request(ctx context.Context, method, host, path string, body []byte, most int64, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	answer, err := readAnswer(resp.Body, most, c.elements)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(resp.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("answer to %s: %w", path, err)
	}
	return nil
}

func readAnswer(r io.Reader, most int64, elements int) ([]byte, error) {
	answer, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(answer)) > most {
		err = fmt.Errorf("answer is over %d bytes", most)
	}
	if err == nil && bytes.Count(answer, []byte{','}) > elements {
		err = fmt.Errorf("answer has over %d elements", elements)
	}
	return answer, err
}

// refusal makes an error of an answer other than 200, also of one that is not ours.
func refusal(code int, body []byte) error {
	var answer errorAnswer
	if json.Unmarshal(body, &answer) != nil || len(answer.Errors) == 0 {
		answer.Errors = []string{fmt.Sprintf("answered %d %s", code, http.StatusText(code))}
	}
	return &AnswerError{Code: code, Lines: answer.Errors}
}

// withoutURL drops the method and URL that net/http puts before an error: the
// host is one of ours and means nothing to a reader.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
