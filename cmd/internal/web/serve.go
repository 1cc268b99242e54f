package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Limits of the server. Nobody has reason to be slow, or to stay.
const (
	maxConnections = 32 // further ones wait in the kernel
	headerTimeout  = 2 * time.Second
	readTimeout    = 3 * time.Second  // also for the next request
	writeTimeout   = 10 * time.Second // from the end of the header
	maxHeaderBytes = 4 << 10
	shutdownGrace  = time.Second
)

// serve answers on ln until ctx ends, and closes it. A listener that fails before that is
// an error.
func serve(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
		BaseContext:                  func(net.Listener) context.Context { return ctx },
		DisableGeneralOptionsHandler: true,
	}
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(stopped)
		shutdown(srv)
	})
	err := srv.Serve(netutil.LimitListener(ln, maxConnections))
	if cancel() {
		_ = srv.Close()
		return err
	}
	<-stopped
	return nil
}

func shutdown(srv *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close()
	}
}
