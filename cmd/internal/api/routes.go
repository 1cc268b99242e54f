package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// answer handles one request and returns what is sent back as JSON.
type answer func(ctx context.Context, body []byte) (any, error)

// route is the one method of a path and what answers it.
type route struct {
	method string
	answer answer
	stream http.HandlerFunc // in place of answer: it answers by itself, and goes on
}

// routes answers every request by its path, and refusals in JSON too.
type routes map[string]route

func (rs routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to, err := rs.find(w, r)
	if err == nil && to.stream != nil {
		to.stream(w, r)
		return
	}
	var v any
	if err == nil {
		v, err = to.ask(w, r)
	}
	if err != nil {
		write(w, codeOf(err), errorAnswer{Errors: linesOf(err)})
		return
	}
	write(w, http.StatusOK, v)
}

func (rs routes) find(w http.ResponseWriter, r *http.Request) (route, error) {
	to, ok := rs[r.URL.Path]
	if !ok {
		err := fmt.Errorf("%q: no such resource", r.URL.Path)
		return route{}, &httpError{error: err, code: http.StatusNotFound}
	}
	if r.Method != to.method {
		w.Header().Set("Allow", to.method)
		err := fmt.Errorf("%s: method %q is not allowed, only %s", r.URL.Path, r.Method, to.method)
		return route{}, &httpError{error: err, code: http.StatusMethodNotAllowed}
	}
	return to, nil
}

func (to route) ask(w http.ResponseWriter, r *http.Request) (any, error) {
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	return to.answer(r.Context(), body)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err == nil {
		return body, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = fmt.Errorf("request body: over %d bytes", maxRequest)
		return nil, &httpError{error: err, code: http.StatusRequestEntityTooLarge}
	}
	return nil, Invalid(fmt.Errorf("request body: %w", err))
}

// write sends an answer. A client that went away is not worth a line in the log.
func write(w http.ResponseWriter, code int, v any) {
	body, err := encode(v)
	if err != nil {
		code, body = http.StatusInternalServerError, []byte(`{"errors":["the answer cannot be encoded"]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
