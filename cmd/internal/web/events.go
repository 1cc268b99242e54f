package web

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/cmd/internal/printable"
)

// serveEvents streams the events behind the one that the client has seen last, as it says
// when it comes again, or asked for by ?after=; without either, all that are kept.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	var id events.ID
	if text != "" {
		var err error
		if id, err = events.ParseID(text); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	s.streams.serve(w, r, feedOf(s.events, id))
}

// feedOf reads on from an event at each call.
func feedOf(log *events.Log, id events.ID) feed {
	return func(ctx context.Context) ([]message, error) {
		list, err := log.Next(ctx, id)
		if err != nil {
			return nil, err
		}
		messages := make([]message, len(list))
		for i := range list {
			text, err := json.Marshal(&list[i])
			if err != nil {
				return nil, err
			}
			id = list[i].ID
			messages[i] = message{id: id.String(), data: string(printable.JSON(text))}
		}
		return messages, nil
	}
}
