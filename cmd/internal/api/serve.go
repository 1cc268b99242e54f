package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Limits of the server. A reload or a transfer is the slowest thing asked for.
const (
	headerTimeout  = 2 * time.Second
	readTimeout    = 5 * time.Second
	writeTimeout   = 60 * time.Second
	serverIdle     = 60 * time.Second
	shutdownGrace  = time.Second
	maxHeaderBytes = 4 << 10
	// maxClients is how many may be connected to a control socket; further ones wait in the
	// kernel. Those of other users cannot connect.
	maxClients = 256
)

// Serve answers on ln with h as Run does.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	return Run(ctx, &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       serverIdle,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          ErrorLog(log, slog.LevelWarn),
	}, plainListener{ln})
}

// ServeControl is Serve for a control socket, and looks after its file.
func ServeControl(ctx context.Context, c *Control, b Backend, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go c.keep(ctx)
	return Serve(ctx, netutil.LimitListener(c, maxClients), ControlHandler(b), log)
}

// Run has srv answer on ln until ctx ends, and closes ln. The contexts of
// requests under way end with ctx; they have a second to send their answer.
// A listener that fails before ctx ends is an error; one that is closed with it
// is not, though whoever closes it may hear of the end a moment earlier.
func Run(ctx context.Context, srv *http.Server, ln net.Listener) error {
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(stopped)
		shutdown(srv)
	})
	err := srv.Serve(ln)
	if errors.Is(err, net.ErrClosed) {
		await(ctx, shutdownGrace)
	}
	if !cancel() {
		<-stopped
		return nil
	}
	if ctx.Err() != nil { // it has ended, and shuts down a moment later
		shutdown(srv)
		return nil
	}
	_ = srv.Close()
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // which names the address once more
	}
	return fmt.Errorf("serve %s: %w", ln.Addr(), err)
}

// await waits for the end of ctx, but not for longer than patience.
func await(ctx context.Context, patience time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(patience):
	}
}

func shutdown(srv *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close()
	}
}

// plainListener hides that its connections are TLS: net/http closes a TLS
// connection whose ALPN protocol it does not know, and the peer API has its own.
type plainListener struct{ net.Listener }

type plainConn struct{ net.Conn }

func (l plainListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return plainConn{conn}, nil
}
