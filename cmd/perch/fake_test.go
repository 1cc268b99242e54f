package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/events"
)

// fakeDaemon answers at a control socket with the files of a folder:
// status.json and so on, or status.error, whose first line is invalid, not-now,
// no-cluster or internal. What it was asked to do is in the file calls.
type fakeDaemon struct {
	dir   string
	mu    sync.Mutex
	joins int

	reports int
	stop    func()
}

// startFake starts a daemon that lives until its stop is called.
func startFake(socket, dir string) (*fakeDaemon, error) {
	ln, err := api.ListenUnix(socket)
	if err != nil {
		return nil, err
	}
	f := &fakeDaemon{dir: dir}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- api.Serve(ctx, ln, api.ControlHandler(f), slog.New(slog.DiscardHandler)) }()
	f.stop = func() { cancel(); <-done }
	return f, nil
}

// answer records a call, and reads its answer into into.
func (f *fakeDaemon) answer(name, call string, into any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls, err := os.OpenFile(filepath.Join(f.dir, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(calls, call)
	if err = errors.Join(err, calls.Close()); err != nil {
		return err
	}
	if text, err := os.ReadFile(filepath.Join(f.dir, name+".error")); err == nil {
		return errorOf(string(text))
	}
	text, err := os.ReadFile(filepath.Join(f.dir, name+".json"))
	if errors.Is(err, fs.ErrNotExist) || into == nil {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return errors.Join(err, dec.Decode(into))
}

func errorOf(text string) error {
	kind, message, _ := strings.Cut(strings.TrimSpace(text), "\n")
	err := errors.New(message)
	switch kind {
	case "invalid":
		return api.Invalid(err)
	case "not-now":
		return api.NotNow(err)
	case "no-cluster":
		return api.ErrNoCluster
	}
	return err
}

func (f *fakeDaemon) Status(context.Context) (s api.Status, err error) {
	err = f.answer("status", "status", &s)
	return s, err
}

func (f *fakeDaemon) History(context.Context) (moves []api.Move, err error) {
	err = f.answer("history", "history", &moves)
	return moves, err
}

// Events has the events of events.json, of now.
func (f *fakeDaemon) Events() *events.Log {
	var list []events.Event
	log := events.New("lb1")
	if err := f.answer("events", "events", &list); err != nil {
		return log
	}
	for _, e := range list {
		log.Add(e)
	}
	return log
}

func (f *fakeDaemon) Transfer(_ context.Context, to string) (res api.TransferResult, err error) {
	err = f.answer("transfer", strings.TrimSpace("transfer "+to), &res)
	return res, err
}

func (f *fakeDaemon) SetDrain(_ context.Context, node string, to api.Drain) error {
	return f.answer("drain", string(to)+" "+node, nil)
}

func (f *fakeDaemon) OrderServer(_ context.Context, o api.ServerOrder) (api.ServerName, error) {
	call := fmt.Sprintf("%s %s of %s", o.Order, o.Server, o.Service)
	if o.Weight != nil {
		call += fmt.Sprintf(" to %d", *o.Weight)
	}
	name := o.ServerName
	err := f.answer("order", call, &name)
	return name, err
}

// ReportServer takes its answer from report.json, or from report-N.json the Nth time it
// is asked.
func (f *fakeDaemon) ReportServer(_ context.Context, n api.ServerName) (r api.ServerReport, err error) {
	f.reports++
	name := fmt.Sprintf("report-%d", f.reports)
	if _, err := os.Stat(filepath.Join(f.dir, name+".json")); err != nil {
		name = "report"
	}
	err = f.answer(name, fmt.Sprintf("report %s of %s", n.Server, n.Service), &r)
	return r, err
}

// Join takes its answer from join.json, or from join-N.json the Nth time it is asked.
func (f *fakeDaemon) Join(_ context.Context, via string) (res api.JoinResult, err error) {
	f.joins++
	name := "join"
	if _, err := os.Stat(filepath.Join(f.dir, fmt.Sprintf("join-%d.json", f.joins))); err == nil {
		name = fmt.Sprintf("join-%d", f.joins)
	}
	if _, err := os.Stat(filepath.Join(f.dir, "join.error")); err == nil {
		name = "join"
	}
	err = f.answer(name, strings.TrimSpace("join "+via), &res)
	return res, err
}

func (f *fakeDaemon) Remove(_ context.Context, node string) error {
	return f.answer("remove", "remove "+node, nil)
}

func (f *fakeDaemon) Reload(context.Context) (res api.ReloadResult, err error) {
	err = f.answer("reload", "reload", &res)
	return res, err
}
