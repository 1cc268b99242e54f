package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/perch-vip/perch/cmd/internal/api"
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

// serve answers on ln until ctx ends, as api.Run does.
func serve(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	return api.Run(ctx, &http.Server{
		Handler:                      paced(h),
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     api.ErrorLog(log, slog.LevelDebug), // what clients do wrong
		DisableGeneralOptionsHandler: true,
	}, netutil.LimitListener(&pacedListener{Listener: ln}, maxConnections))
}
