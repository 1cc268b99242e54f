package web

import (
	"context"
	"net/http"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// comeAgain is after how long a client comes again whose stream broke.
const comeAgain = 2 * time.Second

// feed waits for what comes next in a stream, and returns it; see api.Feed.
type feed func(ctx context.Context) ([]message, error)

// streams are those that are open at node.listen.
type streams struct{ api.Streams }

func newStreams() streams { return streams{api.NewStreams()} }

// serve answers with a stream of messages, or refuses it; see api.Streams.
func (s streams) serve(w http.ResponseWriter, r *http.Request, next feed) {
	var b []byte
	err := s.Serve(w, r, api.Feed{
		Type:  "text/event-stream; charset=utf-8",
		Hello: appendRetry(nil, comeAgain),
		Beat:  []byte(heartbeat),
		Next: func(ctx context.Context) ([]byte, error) {
			messages, err := next(ctx)
			b = b[:0]
			for i := range messages {
				b = appendMessage(b, messages[i])
			}
			return b, err
		},
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}
